import { parseCondition, type TaskOutcome } from "../domain/condition.ts";
import { KamachiqError, NotFoundError } from "../domain/errors.ts";
import type { TaskResult } from "../domain/execute.ts";
import type { TaskNode } from "../domain/plan.ts";
import type { Database } from "../persistence/schema.ts";
import type { ControlActivities, SkippedTask } from "./contract.ts";
import type { ActivityDeps } from "./deps.ts";
import { loadPlan, loadWork, taskOf } from "./project.ts";
import { endEvent, skipTasks } from "./state.ts";
import { record } from "./transaction.ts";

const ENDED = ["done", "failed", "skipped", "cancelled"] as const;

type GraphActivities = Pick<ControlActivities, "sketchTaskGraph" | "askCondition" | "recordSkipped" | "findTaskEnds">;

/** What the scheduler of a task graph asks and tells. */
export function createGraphActivities(deps: ActivityDeps): GraphActivities {
  const { db, log } = deps;
  return {
    async sketchTaskGraph({ plan: ref, deliverable_id }) {
      const graph = (await loadPlan(deps, ref)).graphs[deliverable_id];
      if (graph === undefined) throw new NotFoundError("deliverable", deliverable_id);
      const { nodes } = graph;
      const positions = new Map(nodes.map(({ id }, position) => [id, position]));
      const kinds = new Map<string, number>();
      return {
        ids: nodes.map(({ id }) => id),
        dependencies: nodes.map((node) => node.dependencies.map((id) => positions.get(id) as number)),
        seconds: nodes.map((node) => node.estimated_seconds),
        kinds: nodes.map((node) => kindOf(node, kinds)),
        conditional: nodes.flatMap(({ when }, position) => (when === undefined ? [] : [position])),
      };
    },

    async askCondition({ project_id, deliverable_id, task_id }) {
      const { when } = taskOf(await loadWork(deps, project_id, deliverable_id), task_id);
      const condition = parseCondition(when ?? "true");
      // The plan was validated, so that this is a plan of another version.
      if (typeof condition === "string") {
        throw new KamachiqError(`The condition of task ${task_id} ${condition}.`, { code: "graph_invalid" });
      }
      const asked = condition.uses.map(({ task }) => task);
      const outcomes = await outcomesOf(deps, project_id, deliverable_id, asked);
      const holds = condition.holds(outcomes);
      log(project_id).info({ task: task_id, when, holds }, "condition asked");
      return holds;
    },

    async recordSkipped({ project_id, deliverable_id, tasks }) {
      const work = await loadWork(deps, project_id, deliverable_id);
      const events = tasks.map((task) => endEvent(work, skippedResult(task)));
      await record(db, project_id, events, async (tx) => {
        await skipTasks(tx, { project_id, deliverable_id }, tasks);
      });
      log(project_id).info({ tasks: tasks.map(({ task_id }) => task_id) }, "tasks skipped");
    },

    async findTaskEnds({ project_id, deliverable_id, task_ids }) {
      const rows = await db
        .selectFrom("tasks")
        .select(["task_id", "state", "score", "tokens", "attempt", "commit", "reason"])
        .where("project_id", "=", project_id)
        .where("deliverable_id", "=", deliverable_id)
        .where("task_id", "in", task_ids)
        .where("state", "in", ENDED)
        .execute();
      return rows.map(resultOf);
    },
  };
}

/** Tasks of one type with the same checks take about as long for their size. */
function kindOf({ type, checks }: TaskNode, kinds: Map<string, number>): number {
  const key = [type, ...checks].join(" ");
  const kind = kinds.get(key) ?? kinds.size;
  kinds.set(key, kind);
  return kind;
}

function skippedResult(task: SkippedTask): TaskResult {
  return { ...task, state: "skipped", score: null, tokens: 0, attempts: 0, commit: null };
}

function resultOf({
  attempt,
  state,
  ...row
}: Pick<Database["tasks"], "task_id" | "state" | "score" | "commit" | "reason"> & {
  attempt: number;
  tokens: number;
}): TaskResult {
  return { ...row, attempts: attempt, state: state as TaskResult["state"] };
}

async function outcomesOf(
  { db }: ActivityDeps,
  project_id: string,
  deliverable_id: string,
  tasks: string[],
): Promise<Map<string, TaskOutcome>> {
  if (tasks.length === 0) return new Map();
  const rows = await db
    .selectFrom("tasks")
    .select(["task_id", "state", "score", "attempt", "tokens"])
    .where("project_id", "=", project_id)
    .where("deliverable_id", "=", deliverable_id)
    .where("task_id", "in", tasks)
    .execute();
  return new Map(
    rows.map(({ task_id, state, score, attempt, tokens }) => [
      task_id,
      { state: state === "done" ? "done" : "skipped", score: score ?? 0, attempts: attempt, tokens },
    ]),
  );
}
