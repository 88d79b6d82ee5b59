import { Context } from "@temporalio/activity";
import { InputError } from "../domain/errors.ts";
import { EVENT_DATA, newEvent } from "../domain/event-data.ts";
import { ATTEMPT_MARGIN } from "../domain/execute.ts";
import type { AgentOutcome } from "../ports/coding-agent.ts";
import type { TaskNode } from "../domain/plan.ts";
import type { CommitInfo } from "../ports/source-control.ts";
import { recordArtifact } from "../persistence/artifacts.ts";
import { reserve, settle } from "../persistence/ledger.ts";
import type { AgentActivities, AttemptKey, Feedback, SpawnInput, SpawnResult } from "./contract.ts";
import type { ActivityDeps } from "./deps.ts";
import { requireDecision } from "./policy.ts";
import { loadWork, taskOf, type Work } from "./project.ts";
import { moveTask } from "./state.ts";
import { record } from "./transaction.ts";

/** How often an agent's progress is written to its task's row, in milliseconds. */
const BEAT_MS = 2_000;

export function createSpawnActivities(deps: ActivityDeps): Pick<AgentActivities, "spawnAgent"> {
  return {
    async spawnAgent(input) {
      const earlier = await findProduced(deps, input);
      if (earlier !== undefined) return earlier;
      const work = await loadWork(deps, input.project_id, input.deliverable_id);
      const task = taskOf(work, input.task_id);
      await requireDecision(deps.db, input.decision_id, {
        project_id: input.project_id,
        action: "agent.spawn",
        subject_id: task.id,
      });
      const tokens_max = Math.ceil(task.estimated_tokens * ATTEMPT_MARGIN);
      const budget_tokens = await reserve(deps.db, attemptOf(input), 1, tokens_max);
      const started = await recordStart(deps, work, task, input, budget_tokens);
      return produce(deps, work, task, input, budget_tokens, started);
    },
  };
}

/** The agent's run in a worktree of its own, committed and settled. */
async function produce(
  deps: ActivityDeps,
  work: Work,
  task: TaskNode,
  input: SpawnInput,
  budget_tokens: number,
  started: Date,
): Promise<SpawnResult> {
  const { sourceControl } = deps;
  const name = workspaceName(input);
  const began = performance.now();
  const workspace = await sourceControl.openWorkspace(work.repository, name, input.base ?? undefined);
  try {
    const outcome = await runAgent(deps, work, task, input, budget_tokens, workspace.path);
    const info: CommitInfo = {
      subject: `${task.type === "docs" ? "docs" : task.type === "test" ? "test" : "feat"}: ${task.id}`,
      trailers: { "Kamachiq-Task": `${work.deliverable.id}/${task.id}`, "Kamachiq-Attempt": String(input.attempt) },
      author: { name: task.persona, email: `${task.persona}@kamachiq.localhost` },
      date: started.toISOString(),
    };
    const committed = await sourceControl.commitWorkspace(work.repository, name, task.paths, info);
    // Work that an earlier attempt left in the base counts as this attempt's, though it changes nothing more.
    const commit = committed?.commit ?? (workspace.base === input.base ? input.base : null);
    return await recordProduced(deps, input, outcome, commit, committed?.files ?? [], performance.now() - began);
  } finally {
    await sourceControl.closeWorkspace(work.repository, name);
  }
}

async function runAgent(
  deps: ActivityDeps,
  work: Work,
  task: TaskNode,
  input: SpawnInput,
  budget_tokens: number,
  workspace: string,
): Promise<AgentOutcome> {
  const { agent: name } = work.project.spec;
  const agent = deps.agents.get(name);
  if (agent === undefined) {
    throw new InputError(`There is no agent "${name}".`, {
      code: "agent_unknown",
      remedy: `Agents here: ${[...deps.agents.keys()].join(", ")}.`,
    });
  }
  const feedback = input.feedback === null ? { findings: [] } : await deps.artifacts.getJson(input.feedback);
  const context = Context.current();
  const beat = throttled(BEAT_MS, () => recordBeat(deps, input));
  return agent.run({
    task,
    spec: work.spec,
    capsule: work.capsule,
    parameters: work.deliverable.parameters,
    workspace,
    attempt: input.attempt,
    feedback: (feedback as Feedback).findings,
    budget_tokens,
    signal: context.cancellationSignal,
    progress: (step) => {
      context.heartbeat(step);
      beat();
    },
  });
}

/** At most one call in `interval_ms`; a failure is left to the next one, for the activity itself fails with the database. */
function throttled(interval_ms: number, call: () => Promise<unknown>): () => void {
  let last = 0;
  return () => {
    if (Date.now() - last < interval_ms) return;
    last = Date.now();
    call().catch(() => {});
  };
}

/** What shows that the agent lives: state shown to people comes from here. */
function recordBeat({ db }: ActivityDeps, { project_id, deliverable_id, task_id }: AttemptKey): Promise<unknown> {
  return db
    .updateTable("tasks")
    .set({ heartbeat_at: new Date() })
    .where("project_id", "=", project_id)
    .where("deliverable_id", "=", deliverable_id)
    .where("task_id", "=", task_id)
    .execute();
}

async function recordStart(
  { db, log }: ActivityDeps,
  work: Work,
  task: TaskNode,
  input: SpawnInput,
  reserved_tokens: number,
): Promise<Date> {
  const { project_id, deliverable_id, attempt, decision_id } = input;
  const { agent } = work.project.spec;
  const key = `${attemptPath(input)}/started`;
  const event = newEvent(key, "kamachiq.execute.task_started", `task/${task.id}`, {
    deliverable_id,
    task_id: task.id,
    type: task.type,
    persona: task.persona,
    agent,
    attempt,
    decision_id,
    reserved_tokens,
    estimated_tokens: task.estimated_tokens,
  });
  await record(db, project_id, [event], async (tx) => {
    const first = attempt === 1 ? { started_at: new Date() } : {};
    await moveTask(tx, input, attempt === 1 ? "running" : "remediating", { attempt, agent, ...first });
  });
  log(project_id).info({ task: task.id, attempt, agent, reserved_tokens }, "agent started");
  const { time } = await db
    .selectFrom("events")
    .select("time")
    .where("project_id", "=", project_id)
    .where("key", "=", key)
    .executeTakeFirstOrThrow();
  return time;
}

async function recordProduced(
  { db, artifacts, log }: ActivityDeps,
  input: SpawnInput,
  outcome: AgentOutcome,
  commit: string | null,
  files: string[],
  duration_ms: number,
): Promise<SpawnResult> {
  const { project_id, deliverable_id, task_id, attempt } = input;
  const { usage } = outcome;
  const output = await artifacts.put(outcome.summary, "text/plain");
  const data = { deliverable_id, task_id, attempt, commit, files, usage, output, duration_ms };
  const event = newEvent(`${attemptPath(input)}/produced`, "kamachiq.execute.task_produced", `task/${task_id}`, data);
  const tokens = usage.input_tokens + usage.output_tokens;
  await record(db, project_id, [event], async (tx, fresh) => {
    if (!fresh) return;
    await settle(tx, attemptOf(input), usage);
    await moveTask(tx, input, "reviewing", { tokens: await taskTokens(tx, input) });
    await recordArtifact(tx, project_id, "agent_output", `${deliverable_id}/${task_id}/${attempt}`, output);
  });
  log(project_id).info({ task: task_id, attempt, tokens, commit, files: files.length }, "agent finished");
  return { commit, tokens, output };
}

async function taskTokens(tx: ActivityDeps["db"], at: AttemptKey): Promise<number> {
  const { tokens } = await tx
    .selectFrom("ledger")
    .select((eb) => eb.fn.sum<number>("tokens").as("tokens"))
    .where("project_id", "=", at.project_id)
    .where("deliverable_id", "=", at.deliverable_id)
    .where("task_id", "=", at.task_id)
    .where("entry", "=", "settle")
    .executeTakeFirstOrThrow();
  return Number(tokens);
}

/** An earlier execution of this very attempt that got as far as its event: nothing is left to do. */
async function findProduced({ db }: ActivityDeps, input: SpawnInput): Promise<SpawnResult | undefined> {
  const row = await db
    .selectFrom("events")
    .select("data")
    .where("project_id", "=", input.project_id)
    .where("key", "=", `${attemptPath(input)}/produced`)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { commit, usage, output } = EVENT_DATA["kamachiq.execute.task_produced"].parse(row.data);
  return { commit, tokens: usage.input_tokens + usage.output_tokens, output };
}

function attemptOf({ project_id, deliverable_id, task_id, attempt }: AttemptKey): AttemptKey {
  return { project_id, deliverable_id, task_id, attempt };
}

/** Prefix of the keys of an attempt's events. */
export function attemptPath({ deliverable_id, task_id, attempt }: AttemptKey): string {
  return `task/${deliverable_id}/${task_id}/${attempt}`;
}

function workspaceName({ task_id, attempt }: AttemptKey): string {
  return `${task_id}-${attempt}`;
}
