import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CheckResult } from "./review.ts";
import { QualityReport } from "./review.ts";
import { type Scoring, scoreReport } from "./score.ts";

const check = (name: string, change: Partial<CheckResult> = {}): CheckResult => ({
  check: name,
  metric: "correctness",
  passed: true,
  value: 1,
  veto: false,
  proves: [],
  command: `run ${name}`,
  exit_code: 0,
  duration_ms: 1,
  excerpt: "",
  held_out: false,
  counts: {},
  ...change,
});
const scoring = (checks: CheckResult[], change: Partial<Scoring> = {}): Scoring => ({
  subject: "s",
  commit: null,
  threshold: 0.8,
  criteria: [],
  checks,
  reviewer: "execution",
  sandbox: "none",
  ...change,
});

const criteria = ["a", "b", "c"].map((id) => ({ id, text: `criterion ${id}`, check: `check-${id}` }));
const results = fc
  .array(
    fc.record({
      check: fc.constantFrom("check-a", "check-b", "check-c", "other"),
      metric: fc.constantFrom("correctness" as const, "style" as const, "documentation" as const),
      passed: fc.boolean(),
      value: fc.double({ min: 0, max: 1, noNaN: true }),
      veto: fc.boolean(),
      proves: fc.subarray(["a", "b", "c"]),
    }),
    { maxLength: 12 },
  )
  .map((rows) => rows.map(({ check: name, ...change }) => check(name, change)));
const threshold = fc.double({ min: 0, max: 1, noNaN: true });

describe("scoreReport", () => {
  it("weighs the four metrics as the rubric says", () => {
    const report = scoreReport(
      scoring(
        [
          check("tests", { proves: ["a"] }),
          check("lint", { metric: "style", passed: false, value: 0.5 }),
          check("docs", { metric: "documentation" }),
        ],
        { criteria: criteria.slice(0, 2) },
      ),
    );
    expect(report.metrics).toEqual({ completeness: 0.5, correctness: 1, style: 0.5, documentation: 1 });
    expect(report.score).toBe(0.775);
    expect(report.reasoning).toContain("1 of 2 criteria proven");
    expect(QualityReport.parse(report)).toEqual(report);
  });

  it("does not approve at the threshold, whatever floating point says", () => {
    const checks = [
      check("a"),
      check("b", { metric: "style", value: 0.7 }),
      check("c", { metric: "documentation", value: 0.7 }),
    ];
    const at = scoreReport(scoring(checks)).score;
    expect(scoreReport(scoring(checks, { threshold: at })).approved).toBe(false);
    expect(scoreReport(scoring(checks, { threshold: at - 0.001 })).approved).toBe(true);
  });

  it("approves nothing without correctness evidence, or with a veto", () => {
    expect(scoreReport(scoring([check("lint", { metric: "style" })])).vetoes).toEqual(["no correctness evidence"]);
    expect(scoreReport(scoring([])).score).toBe(0);
    const vetoed = scoreReport(scoring([check("a"), check("b", { veto: true, passed: false, value: 0.99 })]));
    expect(vetoed.score).toBeGreaterThan(0.9);
    expect(vetoed.approved).toBe(false);
  });

  it("takes a criterion as unproven when one of the checks that name it fails", () => {
    const checks = [check("check-a"), check("p", { proves: ["a"], passed: false })];
    expect(scoreReport(scoring(checks, { criteria })).criteria[0]).toMatchObject({ proven: false, by: [] });
  });

  it("says of a held-out check only its id and words", () => {
    const secret = check("acc", {
      held_out: true,
      passed: false,
      text: "two and two make four",
      command: "calc SECRET",
      excerpt: "SECRET",
    });
    const { findings, reasoning, vetoes } = scoreReport(scoring([secret]));
    expect(findings).toEqual([{ check: "acc", message: "An acceptance criterion is not met: two and two make four" }]);
    expect(JSON.stringify([findings, reasoning, vetoes])).not.toContain("SECRET");
  });

  it("stays within bounds, is deterministic and independent of the order of checks", () => {
    fc.assert(
      fc.property(results, threshold, (checks, limit) => {
        const report = scoreReport(scoring(checks, { criteria, threshold: limit }));
        const again = scoreReport(scoring(checks, { criteria, threshold: limit }));
        const turned = scoreReport(scoring(checks.toReversed(), { criteria, threshold: limit }));
        expect(again).toEqual(report);
        for (const value of [report.score, ...Object.values(report.metrics)])
          if (value !== null) expect(value >= 0 && value <= 1).toBe(true);
        const { score, metrics, weights, approved } = report;
        expect(turned).toMatchObject({ score, metrics, weights, approved });
        expect(new Set(turned.vetoes)).toEqual(new Set(report.vetoes));
        if (approved) expect(report.vetoes).toEqual([]);
      }),
    );
  });

  it("never falls when a failed check passes", () => {
    fc.assert(
      fc.property(results, fc.nat(), (checks, pick) => {
        const failed = checks.filter(({ passed }) => !passed);
        const mended = failed[pick % Math.max(1, failed.length)];
        if (mended === undefined) return;
        const better = checks.map((result) => (result === mended ? { ...result, passed: true } : result));
        const before = scoreReport(scoring(checks, { criteria }));
        const after = scoreReport(scoring(better, { criteria }));
        expect(after.score).toBeGreaterThanOrEqual(before.score);
        expect(Number(after.approved)).toBeGreaterThanOrEqual(Number(before.approved));
      }),
    );
  });
});
