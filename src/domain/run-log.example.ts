import type { EventData } from "./event-data.ts";
import type { EventType, KamachiqEvent } from "./events.ts";
import type { ArtifactRef } from "./ids.ts";
import type { TaskType } from "./plan.ts";

// A run as it would be logged: three tasks, of them one sent back once, one approved by a person. Used by the reports' tests.

const HASH = "c".repeat(64);
const START = Date.parse("2026-03-01T10:00:00.000Z");

function ref(digit: string, size = 1_000): ArtifactRef {
  return { digest: digit.repeat(64), size, media_type: "application/json" };
}

/** Writes a log by hand: one event a second. */
class Log {
  readonly events: KamachiqEvent[] = [];

  add<T extends EventType>(type: T, data: EventData<T>, subject = "p1"): this {
    const sequence = this.events.length + 1;
    this.events.push({
      specversion: "1.0",
      id: `00000000-0000-0000-0000-${String(sequence).padStart(12, "0")}`,
      type,
      source: "/kamachiq/projects/p1",
      subject,
      time: new Date(START + sequence * 1_000).toISOString(),
      datacontenttype: "application/json",
      data: data as KamachiqEvent["data"],
      project: "p1",
      sequence,
      workflowid: "kamachiq/p1",
      runid: "run-1",
      tenant: "default",
      region: "local",
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    });
    return this;
  }
}

function decided(log: Log, key: string, action: string, subject_id: string, score = 1): void {
  const violation = {
    rule: "tools/no-sandbox",
    severity: "warn" as const,
    weight: 0.1,
    reason: "No sandbox.",
    remedy: "Use one.",
  };
  log.add("kamachiq.policy.decided", {
    decision: {
      decision_id: `p1/${key}`,
      allowed: true,
      score,
      threshold: 0.8,
      violations: score < 1 ? [violation] : [],
      constitution_hash: HASH,
      input_hash: "d".repeat(64),
      evaluated_at: new Date(START).toISOString(),
    },
    action,
    subject_id,
  });
}

interface Attempt {
  task_id: string;
  type: TaskType;
  attempt: number;
  tokens: number;
  score: number;
  approved: boolean;
}

function attempted(log: Log, { task_id, type, attempt, tokens, score, approved }: Attempt): void {
  const at = { deliverable_id: "calculator", task_id };
  decided(log, `spawn/${task_id}/${attempt}`, "agent.spawn", task_id);
  log
    .add("kamachiq.execute.task_started", {
      ...at,
      type,
      persona: type === "docs" ? "writer" : "developer",
      agent: "template",
      attempt,
      decision_id: `p1/spawn/${task_id}/${attempt}`,
      reserved_tokens: 9e3,
      estimated_tokens: 1e3,
    })
    .add("kamachiq.execute.task_produced", {
      ...at,
      attempt,
      commit: `${attempt}`.repeat(40),
      files: [`src/${task_id}.py`],
      usage: {
        input_tokens: tokens - 100,
        output_tokens: 100,
        source: "tokenizer",
        usd: 0,
      },
      output: ref("1", 200),
      duration_ms: 400,
    })
    .add("kamachiq.review.scored", {
      scope: "task",
      ...at,
      attempt,
      score,
      approved,
      metrics: {
        completeness: 1,
        correctness: score,
        style: 1,
        documentation: null,
      },
      vetoes: approved ? [] : ["tests"],
      report: ref("2"),
      duration_ms: 1500,
      checks: [
        {
          check: "tests",
          passed: approved,
          duration_ms: 1200,
          counts: {
            tests: 12,
            failures: approved ? 0 : 1,
          },
        },
      ],
    });
}

function ended(log: Log, task_id: string, type: TaskType, tokens: number, attempts: number, score: number): void {
  const at = { deliverable_id: "calculator", task_id };
  log
    .add("kamachiq.execute.task_merged", {
      ...at,
      attempt: attempts,
      commit: "a".repeat(40),
      tip: "b".repeat(40),
      retest_ms: 700,
    })
    .add("kamachiq.execute.task_completed", {
      ...at,
      type,
      state: "done",
      score,
      tokens,
      attempts,
      commit: "b".repeat(40),
    });
}

/** A delivered run of 42 events. */
export function deliveredRun(): KamachiqEvent[] {
  const log = new Log();
  log
    .add("kamachiq.intake.accepted", {
      name: "simple-cli",
      goals: ["Create Python CLI calculator"],
      tenant: "default",
      region: "local",
      budget_tokens: 5e4,
      quality_threshold: 0.8,
      timeout_minutes: 60,
      agent: "template",
      sandbox: "bubblewrap",
      spec_digest: "e".repeat(64),
      actor: "operator",
    })
    .add("kamachiq.plan.started", {})
    .add("kamachiq.plan.decomposed", {
      plan: ref("3"),
      planner: "capsules",
      match: ["python_cli: python, cli"],
      deliverables: 1,
      tasks: 3,
      estimated_tokens: 3e3,
    })
    .add("kamachiq.plan.validated", {
      plan: ref("3"),
      waves: 2,
      widest_wave: 2,
      critical_path_seconds: 4,
      budget_total: 50_000,
    })
    .add("kamachiq.policy.started", {});
  decided(log, "provision/calculator", "deliverable.provision", "calculator", 0.9);
  log
    .add("kamachiq.provision.started", {})
    .add("kamachiq.provision.completed", {
      resources: [
        {
          kind: "repository",
          deliverable: "calculator",
          adapter: "git",
          reference: "/var/lib/k/calculator.git",
          summary: "bare repository",
          created: true,
        },
      ],
    })
    .add("kamachiq.execute.started", {});
  attempted(log, { task_id: "operations", type: "code", attempt: 1, tokens: 600, score: 0.6, approved: false });
  attempted(log, { task_id: "operations", type: "code", attempt: 2, tokens: 500, score: 0.95, approved: true });
  ended(log, "operations", "code", 1_100, 2, 0.95);
  attempted(log, { task_id: "tests", type: "test", attempt: 1, tokens: 900, score: 0.91, approved: true });
  ended(log, "tests", "test", 900, 1, 0.91);
  attempted(log, { task_id: "readme", type: "docs", attempt: 1, tokens: 950, score: 0.78, approved: false });
  const review = { review_id: "r1", deliverable_id: "calculator", task_id: "readme", commit: "1".repeat(40) };
  log.add("kamachiq.review.requested", { ...review, scope: "task", score: 0.78 }).add("kamachiq.review.decided", {
    review_id: "r1",
    decision: "approved",
    actor: "reviewer",
    comment: "Reads well",
    commit: review.commit,
  });
  ended(log, "readme", "docs", 950, 1, 0.78);
  log
    .add("kamachiq.intake.resumed", { actor: "operator" })
    .add("kamachiq.review.started", {})
    .add("kamachiq.review.scored", {
      scope: "project",
      deliverable_id: "calculator",
      task_id: null,
      attempt: 1,
      score: 0.93,
      approved: true,
      metrics: {
        completeness: 1,
        correctness: 0.9,
        style: 1,
        documentation: 0.8,
      },
      vetoes: [],
      report: ref("4"),
      duration_ms: 3e3,
      checks: [
        {
          check: "tests",
          passed: true,
          duration_ms: 1e3,
          counts: {
            tests: 12,
            failures: 0,
          },
        },
        {
          check: "mutants",
          passed: true,
          duration_ms: 1900,
          counts: {
            mutants: 40,
            killed: 36,
          },
        },
      ],
    })
    .add("kamachiq.govern.started", {})
    .add("kamachiq.govern.reported", { verdict: "approved", report: ref("5"), score: 0.93, notes: [] });
  decided(log, "release/calculator", "release.promote", "calculator");
  log
    .add("kamachiq.complete.started", {})
    .add("kamachiq.complete.released", {
      tag: "v1.0.0",
      commit: "b".repeat(40),
      decision_id: "p1/release/calculator",
      notes: ref("6"),
    })
    .add("kamachiq.complete.finished", {
      state: "delivered",
      reason: null,
      score: 0.93,
      tokens: 2950,
      repository: "/var/lib/k/calculator.git",
    });
  return log.events;
}

/** The same run with one event's data changed: the first of the type that `where` accepts. */
export function changed<T extends EventType>(
  events: readonly KamachiqEvent[],
  type: T,
  change: Partial<EventData<T>>,
  where: (data: EventData<T>) => boolean = () => true,
): KamachiqEvent[] {
  const index = events.findIndex((event) => event.type === type && where(event.data as EventData<T>));
  return events.map((event, at) =>
    at === index ? { ...event, data: { ...event.data, ...(change as object) } } : event,
  );
}
