// The scheduler and its workflows with agents of our own making, on the real stack.
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { benchAgent } from "../bench/engine/agents.ts";
import { type Engine, type GraphTask, runGraph, startEngine, startGraph } from "../bench/engine/engine.ts";
import { readEvents } from "../src/persistence/events.ts";
import type { CodingAgent } from "../src/ports/coding-agent.ts";

const executions = new Map<string, number>();

/** Fails as often as its task says before it does what the bench's agent does. */
const unreliable: CodingAgent = {
  name: "bench",
  async run(task) {
    const count = (executions.get(task.task.id) ?? 0) + 1;
    executions.set(task.task.id, count);
    if (count <= Number(task.task.inputs["fails"] ?? 0)) {
      throw new Error(`execution ${count} broke`, { cause: new Error("the tool was missing") });
    }
    return benchAgent.run(task);
  },
};

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine(10, unreliable);
});
afterAll(() => engine.stop());

const task = (id: string, dependencies: string[] = [], more: Partial<GraphTask> = {}): GraphTask => ({
  id,
  dependencies,
  ...more,
});

async function statesOf(project_id: string): Promise<Record<string, string>> {
  const rows = await engine.db
    .selectFrom("tasks")
    .select(["task_id", "state"])
    .where("project_id", "=", project_id)
    .execute();
  return Object.fromEntries(rows.map((row) => [row.task_id, row.state]));
}

describe("conditions", () => {
  it("run, or skip what follows up to the next condition, and leave nothing undelivered", async () => {
    const { project_id } = await runGraph(
      engine,
      "conditions",
      [
        task("first"),
        task("good", ["first"], { when: 'tasks["first"].score > 0.8' }),
        task("poor", ["first"], { when: 'tasks["first"].score <= 0.8' }),
        task("mend", ["poor"]),
        task("last", ["good", "mend"], { when: 'tasks["good"].state == "done" || tasks["mend"].state == "done"' }),
      ],
      { integration: false },
    );
    expect(await statesOf(project_id)).toEqual({
      first: "done",
      good: "done",
      poor: "skipped",
      mend: "skipped",
      last: "done",
    });
    const skipped = (await readEvents(engine.db, project_id)).filter((e) => e.type === "kamachiq.execute.task_skipped");
    expect(skipped.map(({ data }) => [data["task_id"], data["reason"]])).toEqual([
      ["poor", "its condition does not hold"],
      ["mend", "poor was skipped"],
    ]);
  });
});

describe("agents that fail", () => {
  it("are executed again up to three times, with every failure and its causes on record", async () => {
    const { project_id } = await runGraph(engine, "again", [task("shaky", [], { inputs: { fails: 3 } })], {
      integration: true,
    });
    const events = await readEvents(engine.db, project_id);
    const failed = events.filter(({ type }) => type === "kamachiq.execute.agent_failed");
    expect(failed.map(({ data }) => [data["failure"], data["error"]])).toEqual(
      [1, 2, 3].map((count) => [count, `execution ${count} broke: the tool was missing`]),
    );
    expect(events.filter(({ type }) => type === "kamachiq.execute.task_started")).toHaveLength(1);
  });

  it("fail their task after that with the cause; what depends on it is skipped, and the rest goes on", async () => {
    const run = await startGraph(
      engine,
      "broken",
      [
        task("hopeless", [], { inputs: { fails: 99 } }),
        task("after", ["hopeless"]),
        task("beside"),
        task("beyond", ["beside"]),
      ],
      { integration: false },
    );
    const { state, reason } = await run.result();
    expect(state).toBe("failed");
    expect(reason).toContain("hopeless: The agent failed 4 times.\nexecution 1 broke: the tool was missing");
    expect(executions.get("hopeless")).toBe(4);
    expect(await statesOf(run.project_id)).toEqual({
      hopeless: "failed",
      after: "skipped",
      beside: "done",
      beyond: "done",
    });
  });
});

describe("a graph that is larger than a history", () => {
  it("continues as new with its tasks in flight, and ends each of them once", { timeout: 300_000 }, async () => {
    const count = 1_000;
    const tasks = Array.from({ length: count }, (_, index) => task(`t${index}`));
    const { project_id } = await runGraph(engine, "large", tasks, { integration: false });
    const runs = [];
    const query = `WorkflowId = 'kamachiq/${project_id}/graph'`;
    for await (const { status, historyLength } of engine.client.workflow.list({ query })) {
      runs.push(status.name);
      expect(historyLength).toBeLessThan(10_000);
    }
    expect(runs.toSorted()).toEqual([
      "COMPLETED",
      ...Array.from({ length: runs.length - 1 }, () => "CONTINUED_AS_NEW"),
    ]);
    expect(runs.length).toBeGreaterThan(1);
    const { rows } = await sql`
      select count(*) filter (where type = 'kamachiq.execute.task_completed') as ended,
             count(*) filter (where type = 'kamachiq.execute.task_started') as started,
             (select count(*) from ledger where project_id = ${project_id} and entry = 'settle') as settled,
             (select tokens_spent from budgets where project_id = ${project_id} and scope = 'project') as spent
      from events where project_id = ${project_id}`.execute(engine.db);
    expect(rows).toEqual([{ ended: count, started: count, settled: count, spent: count * 100 }]);
  });
});
