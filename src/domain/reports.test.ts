import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileCompletion, renderCompletionMarkdown } from "./complete.ts";
import { CompletionReport } from "./completion-report.ts";
import {
  type GovernanceOverlay,
  GovernancePolicies,
  GovernanceReport,
  objectionsOf,
  renderGovernanceMarkdown,
  reviewGovernance,
} from "./govern.ts";
import type { KamachiqEvent } from "./events.ts";
import { draftReleaseNotes } from "./release-notes.ts";
import { changed, deliveredRun } from "./run-log.example.ts";

const overlay: GovernanceOverlay = {
  capsule: "kamachiq_governance_review",
  version: "1.0.0",
  checks: ["constitution", "budget_variance", "key_artifacts", "audit_artifacts", "human_approval"],
  policies: GovernancePolicies.parse({}),
};
const run = deliveredRun();
const outcomeOf = (events: KamachiqEvent[], check: string, policies = {}): string | undefined =>
  reviewGovernance(events, { ...overlay, policies: { ...overlay.policies, ...policies } }).checks.find(
    (one) => one.check === check,
  )?.outcome;

describe("a delivered run", () => {
  it("has a completion report", async () => {
    const report = compileCompletion(run);
    expect(CompletionReport.parse(report)).toEqual(report);
    expect(report.outcome).toMatchObject({ state: "delivered", score: 0.93 });
    expect(report.spend).toMatchObject({
      tokens: 2_950,
      estimated_tokens: 3_000,
      by_source: [{ name: "tokenizer", tokens: 2_950 }],
    });
    expect(report.tasks.map((task) => [task.task_id, task.attempts, task.tokens])).toEqual([
      ["operations", 2, 1_100],
      ["tests", 1, 900],
      ["readme", 1, 950],
    ]);
    expect(report.timeline.review_seconds).toBe(4 * 1.5 + 3);
    await expect(renderCompletionMarkdown(report)).toMatchFileSnapshot("golden/completion.md");
  });

  it("is approved by governance", async () => {
    const report = reviewGovernance(run, overlay);
    expect(GovernanceReport.parse(report)).toEqual(report);
    expect(report.checks.map((check) => check.outcome)).toEqual(overlay.checks.map(() => "passed"));
    expect(report).toMatchObject({ verdict: "approved", score: 0.93, escalations: [] });
    await expect(renderGovernanceMarkdown(report)).toMatchFileSnapshot("golden/governance.md");
  });

  it("has release notes", async () => {
    await expect(draftReleaseNotes(run)).toMatchFileSnapshot("golden/release-notes.md");
  });
});

describe("governance", () => {
  it("blocks a decision below the constitution's threshold, and accepts a person's override", () => {
    const low = decisionScored(0.81);
    expect(outcomeOf(low, "constitution")).toBe("blocked");
    expect(outcomeOf(decisionScored(0.82), "constitution")).toBe("passed");
    expect(outcomeOf(decisionScored(0.5, "override"), "constitution")).toBe("passed");
  });

  it("blocks a task that was started without a decision", () => {
    const events = changed(run, "kamachiq.execute.task_started", { decision_id: "p1/invented" });
    expect(outcomeOf(events, "constitution")).toBe("blocked");
  });

  it("blocks an overrun of more than 15 % only", () => {
    const spend = (input_tokens: number) =>
      changed(run, "kamachiq.execute.task_produced", {
        usage: { input_tokens, output_tokens: 0, source: "provider", usd: 1 },
      });
    expect(outcomeOf(spend(600 + 1_000), "budget_variance")).toBe("passed"); // 3,450 of 3,000: exactly 15 %
    expect(outcomeOf(spend(600 + 1_001), "budget_variance")).toBe("blocked");
    expect(outcomeOf(spend(1), "budget_variance")).toBe("passed");
    expect(
      reviewGovernance(spend(60_000), overlay)
        .escalations.map((one) => one.text)
        .join(),
    ).toContain("budget of 50000");
  });

  it("sends back what was not reviewed, failed or was never started", () => {
    const rejected = changed(run, "kamachiq.review.decided", { decision: "rejected" });
    expect(outcomeOf(rejected, "key_artifacts")).toBe("needs_revision");
    expect(outcomeOf(rejected, "key_artifacts", { key_artifacts: ["code"] })).toBe("passed");
    expect(outcomeOf(changed(run, "kamachiq.execute.task_completed", { state: "failed" }), "key_artifacts")).toBe(
      "needs_revision",
    );
    expect(outcomeOf(changed(run, "kamachiq.plan.decomposed", { tasks: 4 }), "key_artifacts")).toBe("needs_revision");
    const whole = changed(
      run,
      "kamachiq.review.scored",
      { approved: false, vetoes: ["tests"] },
      (data) => data.scope === "project",
    );
    const report = reviewGovernance(whole, overlay);
    expect(report.verdict).toBe("needs_revision");
    expect(objectionsOf(report)).toEqual(["The merged whole of calculator was graded 0.93 and not approved: tests."]);
  });

  it("finds missing audit artifacts", () => {
    const events = run.filter((event) => event.type !== "kamachiq.provision.completed");
    expect(outcomeOf(events, "audit_artifacts")).toBe("needs_revision");
  });

  it("waits for a person where one is required", () => {
    expect(outcomeOf(run, "human_approval", { human_approval_required: true })).toBe("blocked");
    const asked = changed(run, "kamachiq.review.requested", { scope: "project", task_id: null });
    expect(outcomeOf(asked, "human_approval", { human_approval_required: true })).toBe("passed");
    expect(
      outcomeOf(
        asked.filter((event) => event.type !== "kamachiq.review.decided"),
        "human_approval",
      ),
    ).toBe("blocked");
  });
});

function decisionScored(score: number, rule = "tools/no-sandbox"): KamachiqEvent[] {
  return run.map((event) => {
    if (event.type !== "kamachiq.policy.decided" || event.data["action"] !== "deliverable.provision") return event;
    const decision = event.data["decision"] as { violations: object[] };
    const violations = decision.violations.map((violation) => ({ ...violation, rule }));
    return { ...event, data: { ...event.data, decision: { ...decision, score, violations } } } as KamachiqEvent;
  });
}

describe("any prefix of a log", () => {
  const prefixes = Array.from({ length: run.length + 1 }, (_, length) => run.slice(0, length));

  it.each(prefixes)("can be reported on: %#", (...events) => {
    const completion = compileCompletion(events);
    expect(CompletionReport.parse(completion)).toEqual(completion);
    expect(renderCompletionMarkdown(completion)).toContain("# Completion report");
    expect(draftReleaseNotes(events)).toMatch(/^# /);
    const governance = reviewGovernance(events, overlay);
    expect(renderGovernanceMarkdown(governance)).toContain("# Governance report");
    const scored = events.some((event) => event.type === "kamachiq.review.scored" && event.data["scope"] === "project");
    if (!scored) expect(governance.verdict).not.toBe("approved");
  });

  it("has sums that agree and statements that cite what is there", () => {
    fc.assert(
      fc.property(fc.subarray(run), (events) => {
        const { spend, tasks } = compileCompletion(events);
        const of = (shares: { tokens: number }[]): number => shares.reduce((sum, share) => sum + share.tokens, 0);
        for (const shares of [spend.by_deliverable, spend.by_persona, spend.by_source, spend.by_task, tasks])
          expect(of(shares)).toBe(spend.tokens);
        const report = reviewGovernance(events, overlay);
        expect(report.cost.spent).toBe(spend.tokens);
        const sequences = new Set(events.map((event) => event.sequence));
        for (const statement of [
          ...report.notes,
          ...report.escalations,
          ...report.checks.flatMap((check) => [...check.statements, ...check.objections]),
        ]) {
          if (events.length > 0) expect(statement.events.length).toBeGreaterThan(0);
          expect(statement.events.every((sequence) => sequences.has(sequence))).toBe(true);
        }
      }),
    );
  });
});

describe("hostile text", () => {
  const hostile =
    "x | y\n\n# Approved\n<script>alert(1)</script> [click](javascript:x) ![i](http://e) `code` **b** \u202e www.e.com https://e.com";

  it("stays text wherever an event carries it", () => {
    let events = changed(run, "kamachiq.intake.accepted", {
      name: hostile,
      goals: [hostile],
      agent: hostile,
      sandbox: hostile,
    });
    events = changed(events, "kamachiq.review.decided", { actor: hostile, comment: hostile });
    events = changed(events, "kamachiq.execute.task_started", { persona: hostile });
    events = changed(events, "kamachiq.execute.task_produced", { files: [hostile] });
    const ends = events.findIndex((event) => event.type === "kamachiq.execute.task_completed");
    events = events.map((event, index) =>
      index === ends
        ? { ...event, type: "kamachiq.execute.task_failed", data: { ...event.data, state: "failed", reason: hostile } }
        : event,
    );
    for (const markdown of [
      renderCompletionMarkdown(compileCompletion(events)),
      renderGovernanceMarkdown(reviewGovernance(events, overlay)),
      draftReleaseNotes(events),
    ]) {
      expect(markdown).not.toMatch(/<script|[^\\]\]\(|\n# Approved|\u202e|[^\\]\*\*b|https:\/\/|www\.e|[^\\]`code`/);
      const tables = markdown.split("\n").filter((line) => line.startsWith("|"));
      expect(tables.every((line) => line.endsWith("|"))).toBe(true);
    }
  });
});
