import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fitEstimates, type TaskSample, type TaskTraits } from "./estimate.ts";
import type { PlannerHeuristics } from "./heuristics.ts";
import { TASK_TYPES } from "./plan.ts";
import type { Quantiles } from "./task-estimate.ts";

const heuristics: Pick<PlannerHeuristics, "tokens" | "seconds"> = {
  tokens: { agents: { template: { low: 1, likely: 1, high: 1.05 } }, otherwise: { low: 1, likely: 4, high: 20 } },
  seconds: { base: 1, probe: 1, checks: { tests: 3 }, spread: { low: 0.5, high: 2 } },
};

const task: TaskTraits = {
  agent: "template",
  type: "code",
  persona: "developer",
  capsule: "python_cli",
  capsule_version: "1.2.3",
  task_id: "cli",
  size_tokens: 1_000,
  checks: ["tests", "answers"],
};

function sample(more: Partial<TaskSample> = {}): TaskSample {
  return { ...task, tokens: 2_000, seconds: 10, ...more };
}

function estimate(samples: readonly TaskSample[], of: Partial<TaskTraits> = {}) {
  return fitEstimates(samples, heuristics)({ ...task, ...of });
}

const repeated = (count: number, more: Partial<TaskSample> = {}) => Array.from({ length: count }, () => sample(more));

describe("fitEstimates without past tasks", () => {
  it("answers the prior of the agent and of the checks, and says that it is one", () => {
    expect(estimate([])).toEqual({
      agent: "template",
      runtime: "deterministic",
      tokens: { low: 1_000, likely: 1_000, high: 1_050 },
      seconds: { low: 2.5, likely: 5, high: 10 },
      basis: "prior",
      samples: 0,
    });
    for (const agent of ["other", "constructor"])
      expect(estimate([], { agent })).toMatchObject({
        runtime: "model",
        tokens: { low: 1_000, likely: 4_000, high: 20_000 },
      });
  });

  it("learns nothing from other agents, nor from other types", () => {
    const unlike = [sample({ agent: "other" }), sample({ type: "docs" })];
    expect(estimate(unlike)).toEqual(estimate([]));
  });
});

describe("fitEstimates with past tasks", () => {
  it("comes to what always happened", () => {
    const { tokens, seconds, ...known } = estimate(repeated(1_000));
    expect(known).toMatchObject({ basis: "history", samples: 1_000, level: "task" });
    expect(tokens).toEqual({ low: 2_000, likely: 2_000, high: 2_000 });
    expect(seconds).toEqual({ low: 10, likely: 10, high: 10 });
  });

  it("comes to the quantiles of what varied", () => {
    const samples = Array.from({ length: 1_001 }, (_, at) => sample({ tokens: 1_000 + at }));
    const { low, likely, high } = estimate(samples).tokens;
    expect(likely).toBeCloseTo(1_500, -1);
    expect([low / 1_100, high / 1_900].every((share) => Math.abs(share - 1) < 0.02)).toBe(true);
  });

  it("keeps the range wide after one task, though its middle moves at once", () => {
    const { likely, low, high } = estimate([sample()]).seconds;
    expect(likely).toBeGreaterThan(9);
    expect(high / low).toBeGreaterThan(2);
  });

  it("is scaled by the task's own size and checks", () => {
    const { tokens, seconds } = estimate(repeated(1_000), { size_tokens: 3_000, checks: ["tests"] });
    expect([tokens.likely, seconds.likely]).toEqual([6_000, 8]);
  });

  it.each<[string, Partial<TaskSample>, string]>([
    ["the same task", {}, "task"],
    ["a patch of the capsule", { capsule_version: "1.2.9" }, "task"],
    ["another task of the capsule", { task_id: "numbers" }, "capsule"],
    ["another minor version of the capsule", { capsule_version: "1.3.3" }, "persona"],
    ["another capsule", { capsule: "rest_api" }, "persona"],
    ["another persona", { persona: "architect" }, "type"],
  ])("counts %s", (_, more, level) => {
    expect(estimate([sample(more)])).toMatchObject({ basis: "history", samples: 1, level });
  });

  it("believes nearer tasks more than farther ones", () => {
    const near = repeated(5, { tokens: 3_000 });
    const far = repeated(500, { tokens: 1_000, capsule: "rest_api" });
    expect(estimate([...near, ...far]).tokens.likely).toBeGreaterThan(2_500);
    expect(estimate([...near, ...far])).toMatchObject({ samples: 5, level: "task" });
  });

  it("is not carried away by one sample that can't be", () => {
    const samples = [...repeated(20), sample({ tokens: 1e9, seconds: 1e6 }), sample({ tokens: 0, seconds: 0 })];
    const { tokens, seconds } = estimate(samples);
    expect([tokens.likely, seconds.likely].map((value) => Math.round(value))).toEqual([2_000, 10]);
  });
});

describe("fitEstimates, for any samples", () => {
  const samples = fc.array(
    fc.record({
      agent: fc.constantFrom("template", "other", "constructor"),
      type: fc.constantFrom(...TASK_TYPES),
      persona: fc.constantFrom("developer", "architect"),
      capsule: fc.constantFrom("python_cli", "rest_api"),
      capsule_version: fc.constantFrom("1.2.3", "1.2.4", "2.0.0"),
      task_id: fc.constantFrom("cli", "numbers", "__proto__"),
      size_tokens: fc.nat(1_000_000),
      checks: fc.array(fc.constantFrom("tests", "answers", "constructor"), { maxLength: 5 }),
      tokens: fc.nat(1_000_000_000),
      seconds: fc.double({ min: 0, max: 1e6, noNaN: true }),
    }),
    { maxLength: 60 },
  );
  const rising = ({ low, likely, high }: Quantiles): boolean => 0 <= low && low <= likely && likely <= high;

  it("the ends are in order and finite, and the order of the samples does not matter", () => {
    fc.assert(
      fc.property(samples, fc.nat(), (list, seed) => {
        const answer = estimate(list);
        expect([rising(answer.tokens), rising(answer.seconds)]).toEqual([true, true]);
        expect(Number.isFinite(answer.tokens.high + answer.seconds.high)).toBe(true);
        const mixed = list.toSorted((a, b) => ((a.tokens * seed) % 97) - ((b.tokens * seed) % 97));
        expect(estimate(mixed)).toEqual(answer);
      }),
    );
  });

  it("a larger task never gets a smaller estimate", () => {
    fc.assert(
      fc.property(samples, fc.nat(100_000), fc.nat(100_000), (list, size_tokens, more) => {
        const [small, large] = [estimate(list, { size_tokens }), estimate(list, { size_tokens: size_tokens + more })];
        expect(large.tokens.likely).toBeGreaterThanOrEqual(small.tokens.likely);
      }),
    );
  });

  it("takes 2,000 samples in well under a tenth of a second", () => {
    const many = Array.from({ length: 2_000 }, (_, at) =>
      sample({ task_id: `t${at % 50}`, tokens: (at * 7919) % 5_000 }),
    );
    const began = performance.now();
    const estimator = fitEstimates(many, heuristics);
    for (let at = 0; at < 200; at += 1) estimator({ ...task, task_id: `t${at}` });
    expect(performance.now() - began).toBeLessThan(100);
  });
});
