// What past runs took, as the product's own database keeps it, and what plans make of it.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PlanView } from "../src/api/views.ts";
import type { KamachiqEvent } from "../src/domain/events.ts";
import { Kamachiq, parseRun } from "./support/kamachiq.ts";

const kamachiq = await Kamachiq.create();
afterAll(() => kamachiq.dispose());

const SPEC = `name: learnt
goals: [Create Python CLI calculator]
parameters: { operations: [add, divide, root] }
budget: { tokens: 100000 }
`;

interface Taken {
  tokens: number;
  seconds: number;
}

/** What the first attempts took, by task: the agent, and the grading of its work. */
function taken(events: readonly KamachiqEvent[]): Map<string, Taken> {
  const first = (type: string): KamachiqEvent[] =>
    events.filter((event) => event.type === type && event.data["attempt"] === 1 && event.data["task_id"] !== null);
  const tasks = new Map<string, Taken>();
  for (const { data } of first("kamachiq.execute.task_produced")) {
    const { input_tokens, output_tokens } = data["usage"] as Record<string, number>;
    const tokens = (input_tokens ?? 0) + (output_tokens ?? 0);
    tasks.set(String(data["task_id"]), { tokens, seconds: Number(data["duration_ms"]) / 1_000 });
  }
  for (const { data } of first("kamachiq.review.scored")) {
    const task = tasks.get(String(data["task_id"]));
    if (task !== undefined) task.seconds += Number(data["duration_ms"]) / 1_000;
  }
  return tasks;
}

/** Mean distance of the tasks' medians from what they took, as a share of it. */
function error({ plan }: PlanView, unit: keyof Taken, tasks: Map<string, Taken>): number {
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
    tasks = taken(parseRun(stdout).events);
    expect(tasks.size).toBe(10);
  });

  it("are a prior, and say so, before anything ran", () => {
    expect(before.estimate.total).toMatchObject({ basis: "prior", past_tasks: 0 });
    const { low, likely, high } = before.estimate.total.seconds;
    expect([low < likely, likely < high]).toEqual([true, true]);
  });

  it("learn from a run: they say from how many tasks, and their medians are nearer", async () => {
    const after = await kamachiq.json<PlanView>(["plan", spec]);
    expect(after.estimate.total).toMatchObject({ basis: "history", past_tasks: 10 });
    expect(error(after, "seconds", tasks)).toBeLessThan(error(before, "seconds", tasks) / 2);
    expect(error(after, "tokens", tasks)).toBeLessThanOrEqual(error(before, "tokens", tasks));
    expect(error(after, "tokens", tasks)).toBeLessThan(0.01);
    const { stdout } = await kamachiq.run(["plan", spec]);
    expect(stdout).toMatch(
      /about [\d,]+ of 100,000 tokens.*, about [\d.]+ s \([\d.]+ to [\d.]+\)\n {2}estimated from 10 past tasks\n/,
    );
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
