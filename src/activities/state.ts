import { type RawBuilder, sql, type Transaction } from "kysely";
import type { Db } from "../persistence/database.ts";
import { newEvent } from "../domain/event-data.ts";
import { isTerminal } from "../domain/intake.ts";
import type { TaskResult, TaskState } from "../domain/execute.ts";
import type { NewEvent } from "../domain/events.ts";
import type { Card } from "../ports/board.ts";
import type { Database } from "../persistence/schema.ts";
import type { AttemptKey, SkippedTask, ControlActivities, TaskEnd } from "./contract.ts";
import type { ActivityDeps } from "./deps.ts";
import { loadWork, taskOf, type Work } from "./project.ts";
import { record } from "./transaction.ts";

/** Where a task's card lies while the task is in this state. */
const COLUMNS: Record<TaskState, Card["column"]> = {
  queued: "todo",
  blocked: "todo",
  running: "doing",
  remediating: "doing",
  reviewing: "review",
  merging: "review",
  waiting: "review",
  done: "done",
  failed: "failed",
  skipped: "failed",
  cancelled: "failed",
};

type TaskChange = Partial<
  Pick<Database["tasks"], "agent" | "commit" | "reason" | "score"> & {
    attempt: number;
    tokens: number | RawBuilder<number>;
    started_at: Date;
    ended_at: Date;
  }
>;

/** Moves a task and its card. */
export async function moveTask(
  db: Db | Transaction<Database>,
  at: { project_id: string; deliverable_id: string; task_id: string },
  state: TaskState,
  change: TaskChange = {},
): Promise<void> {
  const { project_id, deliverable_id, task_id } = at;
  await db
    .with("moved", (cte) =>
      cte
        .updateTable("tasks")
        .set({ state, heartbeat_at: new Date(), ...change })
        .where("project_id", "=", project_id)
        .where("deliverable_id", "=", deliverable_id)
        .where("task_id", "=", task_id),
    )
    .updateTable("board_cards")
    .set({ board_column: COLUMNS[state], moved_at: new Date() })
    .where("project_id", "=", project_id)
    .where("deliverable_id", "=", deliverable_id)
    .where("task_id", "=", task_id)
    .where("board_column", "!=", COLUMNS[state])
    .execute();
}

/** Ends tasks that never began, with the reason of each. The card of one that was not needed lies with what is done. */
export async function skipTasks(
  tx: Transaction<Database>,
  { project_id, deliverable_id }: { project_id: string; deliverable_id: string },
  tasks: readonly SkippedTask[],
): Promise<void> {
  const rows = JSON.stringify(tasks);
  await sql`
    update tasks set state = ${"skipped"}, reason = given.reason, ended_at = now()
    from jsonb_to_recordset(${rows}::jsonb) as given (task_id text, reason text)
    where project_id = ${project_id} and deliverable_id = ${deliverable_id} and tasks.task_id = given.task_id`.execute(
    tx,
  );
  await sql`
    update board_cards set moved_at = now(),
      board_column = case when given.by_condition then ${COLUMNS.done} else ${COLUMNS.skipped} end
    from jsonb_to_recordset(${rows}::jsonb) as given (task_id text, by_condition boolean)
    where project_id = ${project_id} and deliverable_id = ${deliverable_id}
      and board_cards.task_id = given.task_id`.execute(tx);
}

type StateActivities = Pick<ControlActivities, "startStage" | "setProjectState" | "recordTaskEnd">;

export function createStateActivities(deps: ActivityDeps): StateActivities {
  const { db, log } = deps;
  return {
    async startStage({ project_id, stage }) {
      const event = newEvent(`stage/${stage}`, `kamachiq.${stage}.started` as "kamachiq.plan.started", project_id, {});
      await record(db, project_id, [event], async (tx) => {
        await tx.updateTable("projects").set({ stage }).where("id", "=", project_id).execute();
      });
      log(project_id).info({ stage }, "stage started");
    },

    async setProjectState({ project_id, state, reason }) {
      await db
        .updateTable("projects")
        .set({ state, reason, updated_at: new Date() })
        .where("id", "=", project_id)
        .where("finished_at", "is", null)
        .execute();
      log(project_id).info({ state, reason, terminal: isTerminal(state) }, "project state");
    },

    async recordTaskEnd({ project_id, deliverable_id, result }: TaskEnd) {
      const work = await loadWork(deps, project_id, deliverable_id);
      const { task_id, state, reason } = result;
      await record(db, project_id, [endEvent(work, result)], async (tx) => {
        await moveTask(tx, { project_id, deliverable_id, task_id }, state, { reason, ended_at: new Date() });
      });
      log(project_id).info({ ...result, task: task_id }, "task ended");
    },
  };
}

/** The end of a task that this attempt brought about. */
export function doneResult(
  { task_id, attempt, tokens }: AttemptKey & { tokens: number },
  score: number,
  commit: string | null,
): TaskResult {
  return { task_id, state: "done", score, tokens, attempts: attempt, commit, reason: null };
}

/** The terminal event of a task: there is one, whoever writes it. */
export function endEvent(work: Work, result: TaskResult): NewEvent {
  const { task_id, state, score, tokens, attempts, commit, reason, by_condition } = result;
  const deliverable_id = work.deliverable.id;
  const { type } = taskOf(work, task_id);
  const data = { deliverable_id, task_id, type, state, score, tokens, attempts, commit };
  const key = `task/${deliverable_id}/${task_id}/end`;
  const subject = `task/${task_id}`;
  return state === "done"
    ? newEvent(key, "kamachiq.execute.task_completed", subject, data)
    : newEvent(key, `kamachiq.execute.task_${state === "skipped" ? "skipped" : "failed"}`, subject, {
        ...data,
        reason: reason ?? state,
        ...(by_condition === true ? { by_condition } : {}),
      });
}
