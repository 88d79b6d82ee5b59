import { describe, expect, it } from "vitest";
import type { WorkEstimate } from "../../domain/plan-estimate.ts";
import { basisLines, estimateLines, taskRange } from "./estimate.ts";

const estimate: WorkEstimate = {
  tokens: { low: 1_000, likely: 1_200, high: 1_500 },
  seconds: { low: 2.5, likely: 3, high: 4 },
  basis: "history",
  past_tasks: 1_010,
  tasks: 11,
  tasks_seen: 3,
  agents: [{ agent: "template", runtime: "deterministic" }],
};
const coder = { agent: "coder", runtime: "model" } as const;

describe("what a plan may take", () => {
  it("is a likely value and a range of both units, and what they rest on", () => {
    expect(estimateLines(estimate, 60_000)).toEqual([
      "  about 1,200 of 60,000 tokens (1,000 to 1,500), the longest way about 3 s (2.5 to 4)",
      "  estimated from 1,010 past tasks of template (deterministic); 3 of the 11 tasks here ran before",
    ]);
    expect(estimateLines(undefined, 60_000)).toEqual([]);
  });

  it("has no range where the plan states one number", () => {
    const one = { low: 7, likely: 7, high: 7 };
    expect(estimateLines({ ...estimate, tokens: one, seconds: one, basis: "stated", agents: [] }, 60)).toEqual([
      "  about 7 of 60 tokens, the longest way about 7 s",
      "  estimated by whoever wrote the plan",
    ]);
  });

  it("claims nothing for an agent with a model that has not run here", () => {
    const prior = { ...estimate, basis: "prior", past_tasks: 0, tasks_seen: 0 } as const;
    expect(basisLines(prior)).toEqual([
      "estimated by a prior for template (deterministic): nothing like it was measured here yet",
    ]);
    expect(basisLines({ ...prior, agents: [coder] })).toEqual([
      "a guess for coder (model): nothing is claimed before such tasks have run here",
    ]);
    expect(basisLines({ ...estimate, agents: [coder] })[0]).toContain("1,010 past tasks of coder (model)");
  });

  it("says so where only some tasks have a past", () => {
    expect(basisLines({ ...estimate, basis: "partly" })[1]).toBe(
      "the others by a prior: nothing like them was measured here yet",
    );
  });
});

describe("what a task may take", () => {
  it("is its range, or nothing where the plan has none", () => {
    const { tokens, seconds } = estimate;
    const known = { agent: "template", runtime: "deterministic", tokens, seconds, basis: "prior", samples: 0 } as const;
    expect(taskRange({ estimate: known })).toBe("1,000 to 1,500 tokens, 2.5 to 4 s");
    expect(taskRange({})).toBe("");
  });
});
