import { EVENT_DATA } from "../domain/event-data.ts";
import { AGENT_RETRIES_MAX } from "../domain/execute.ts";
import { attemptPath, produceOnce, type Progress } from "./agent.ts";
import type { AgentActivities, AttemptKey } from "./contract.ts";
import type { ActivityDeps } from "./deps.ts";
import { evaluateTask } from "./evaluate.ts";
import { integrateCommit } from "./merge-queue.ts";
import { loadWork, taskOf } from "./project.ts";
import { doneResult } from "./state.ts";

/** Agent, gate and merge in one activity: three steps on record, one round trip through the engine. */
export function createSpawnActivities(deps: ActivityDeps): Pick<AgentActivities, "spawnAgent"> {
  return {
    async spawnAgent(input) {
      const work = await loadWork(deps, input.project_id, input.deliverable_id);
      const task = taskOf(work, input.task_id);
      const earlier = await progressOf(deps, input);
      const { commit } = await produceOnce(deps, work, task, input, earlier);
      const tokens = await tokensOf(deps, input);
      const graded = { ...input, commit, tokens };
      const evaluation = await evaluateTask(deps, work, task, graded, earlier.scored);
      const attempt = { ...evaluation, tokens };
      if (!evaluation.approved) return { ...attempt, promoted: false, base: commit, tip: null };
      if (commit === null) return { ...attempt, promoted: true, base: null, tip: null };
      const { status, feedback, tip } = await integrateCommit(deps, work, { ...input, commit }, (merged) =>
        doneResult(graded, evaluation.score, merged),
      );
      return { ...attempt, feedback, promoted: status === "merged", base: null, tip };
    },
  };
}

async function progressOf({ db }: ActivityDeps, at: AttemptKey): Promise<Progress> {
  const path = attemptPath(at);
  const rows = await db
    .selectFrom("events")
    .select(["type", "data"])
    .where("project_id", "=", at.project_id)
    .where("key", "in", [`${path}/produced`, `${path}/scored`, ...failureKeys(path)])
    .orderBy("sequence")
    .execute();
  const progress: Progress = { failures: [] };
  for (const { type, data } of rows) {
    if (type === "kamachiq.execute.agent_failed") progress.failures.push(EVENT_DATA[type].parse(data).error);
    else if (type === "kamachiq.execute.task_produced") progress.produced = EVENT_DATA[type].parse(data);
    else progress.scored = EVENT_DATA["kamachiq.review.scored"].parse(data);
  }
  return progress;
}

function failureKeys(path: string): string[] {
  return Array.from({ length: 1 + AGENT_RETRIES_MAX }, (_, index) => `${path}/failed/${index + 1}`);
}

/** Of all attempts of the task. */
async function tokensOf({ db }: ActivityDeps, at: AttemptKey): Promise<number> {
  const { tokens } = await db
    .selectFrom("tasks")
    .select("tokens")
    .where("project_id", "=", at.project_id)
    .where("deliverable_id", "=", at.deliverable_id)
    .where("task_id", "=", at.task_id)
    .executeTakeFirstOrThrow();
  return tokens;
}
