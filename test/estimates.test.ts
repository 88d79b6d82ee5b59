// What past runs took, as the product's own database keeps it, and what plans make of it.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PlanView } from "../src/api/views.ts";
import { type Taken, firstAttempts } from "./support/first-attempts.ts";
import { Kamachiq, parseRun } from "./support/kamachiq.ts";

const kamachiq = await Kamachiq.create();
afterAll(() => kamachiq.dispose());

const SPEC = `name: learnt
goals: [Create Python CLI calculator]
parameters: { operations: [add, divide, root] }
budget: { tokens: 100000 }
`;

/** Mean distance of the tasks' medians from what they took, as a share of it. */
function error({ plan }: PlanView, unit: "tokens" | "seconds", tasks: Map<string, Taken>): number {
  const nodes = plan.graphs["learnt"]?.nodes ?? [];
  const shares = nodes.map(({ id, estimate }) => {
    const actual = tasks.get(id)?.[unit] ?? Number.NaN;
    return Math.abs((estimate?.[unit].likely ?? Number.NaN) - actual) / actual;
  });
  return shares.reduce((sum, share) => sum + share, 0) / shares.length;
}

describe("estimates", () => {
  let spec: string;
  let before: PlanView;
  let tasks: Map<string, Taken>;
  beforeAll(async () => {
    spec = await kamachiq.file("spec.yaml", SPEC);
    before = await kamachiq.json<PlanView>(["plan", spec]);
    const { code, stdout, stderr } = await kamachiq.run(["run", spec, "--json"]);
    expect(code, stderr).toBe(0);
    tasks = firstAttempts(parseRun(stdout).events);
    expect(tasks.size).toBe(10);
  });

  it("are a prior, and say so, before anything ran", () => {
    const agents = [{ agent: "template", runtime: "deterministic" }];
    expect(before.estimate.total).toMatchObject({ basis: "prior", past_tasks: 0, tasks: 10, tasks_seen: 0, agents });
    const { low, likely, high } = before.estimate.total.seconds;
    expect([low < likely, likely < high]).toEqual([true, true]);
  });

  it("learn from a run: they say from how many tasks, and their medians are nearer", async () => {
    const after = await kamachiq.json<PlanView>(["plan", spec]);
    expect(after.estimate.total).toMatchObject({ basis: "history", past_tasks: 10, tasks: 10, tasks_seen: 10 });
    expect(error(after, "seconds", tasks)).toBeLessThan(error(before, "seconds", tasks) / 2);
    expect(error(after, "tokens", tasks)).toBeLessThanOrEqual(error(before, "tokens", tasks));
    expect(error(after, "tokens", tasks)).toBeLessThan(0.01);
    const { stdout } = await kamachiq.run(["plan", spec]);
    expect(stdout).toMatch(
      /about [\d,]+ of 100,000 tokens.*, the longest way about [\d.]+ s \([\d.]+ to [\d.]+\)\n {2}estimated from 10 past tasks of template \(deterministic\); 10 of the 10 tasks here ran before\n/,
    );
    expect(stdout).toMatch(/\n {2}1 {2}package .* \d+ to \d+ tokens, [\d.]+ to [\d.]+ s\n/);
    const mermaid = await kamachiq.run(["plan", spec, "--format", "mermaid"]);
    expect(mermaid.stdout).toMatch(/^flowchart LR\n {2}%% estimated from 10 past tasks of template \(deterministic\)/);
  });

  it("reserve what they reserved before, so that nothing is stopped that passed", async () => {
    const after = await kamachiq.json<PlanView>(["plan", spec]);
    const reserved = ({ plan }: PlanView) => plan.graphs["learnt"]?.nodes.map((node) => node.estimated_tokens);
    expect(reserved(after)).toEqual(reserved(before));
  });

  it("of one tenant say nothing to another", async () => {
    const other = await kamachiq.file("other.yaml", `${SPEC}tenant: other\n`);
    const { estimate } = await kamachiq.json<PlanView>(["plan", other]);
    expect(estimate.total).toMatchObject({ basis: "prior", past_tasks: 0 });
  });
});
