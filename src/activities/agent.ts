import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { Context } from "@temporalio/activity";
import { type Kysely, sql } from "kysely";
import { AgentError, InputError, KamachiqError } from "../domain/errors.ts";
import { AGENT_RETRIES_MAX, ATTEMPT_MARGIN } from "../domain/execute.ts";
import { databaseError } from "../persistence/database.ts";
import { excerpt } from "../platform/text.ts";
import { type EventData, newEvent } from "../domain/event-data.ts";
import type { AgentOutcome } from "../ports/coding-agent.ts";
import type { TaskNode } from "../domain/plan.ts";
import type { CommitInfo } from "../ports/source-control.ts";
import { recordArtifact } from "../persistence/artifacts.ts";
import { reserve, settle } from "../persistence/ledger.ts";
import type { Database } from "../persistence/schema.ts";
import type { AttemptKey, Feedback, SpawnInput } from "./contract.ts";
import type { ActivityDeps } from "./deps.ts";
import { requireDecision } from "./policy.ts";
import type { Work } from "./project.ts";
import { moveTask } from "./state.ts";
import { append, record } from "./transaction.ts";

/** How often an agent's progress is written to its task's row, in milliseconds. */
const BEAT_MS = 2_000;
const CAUSES_MAX = 5;
const ERROR_CHARACTERS_MAX = 2_000;

/** What the log has of an attempt that was executed before. */
export interface Progress {
  /** What each failed execution of the agent said, in order. */
  failures: string[];
  produced?: EventData<"kamachiq.execute.task_produced">;
  scored?: EventData<"kamachiq.review.scored">;
}

/** What the agent left: a commit on the attempt's branch, or nothing that could be merged. */
export interface Produced {
  commit: string | null;
}

/** Runs the agent, unless an earlier execution of this very attempt got as far as its event. */
export async function produceOnce(
  deps: ActivityDeps,
  work: Work,
  task: TaskNode,
  input: SpawnInput,
  earlier: Progress,
): Promise<Produced> {
  if (earlier.produced !== undefined) return { commit: earlier.produced.commit };
  await requireDecision(deps.db, input.decision_id, {
    project_id: input.project_id,
    action: "agent.spawn",
    subject_id: task.id,
  });
  const { budget_tokens, started } = await recordStart(deps, work, task, input);
  try {
    return await produce(deps, work, task, input, budget_tokens, started);
  } catch (error) {
    throw await agentError(deps, task, input, earlier.failures, error);
  }
}

/** What passes by itself or never passes is told as it is; anything else counts against the agent, with its evidence on record. */
async function agentError(
  { db }: ActivityDeps,
  task: TaskNode,
  input: SpawnInput,
  earlier: string[],
  error: unknown,
): Promise<unknown> {
  const known = databaseError(error);
  if (known instanceof KamachiqError || Context.current().cancellationSignal.aborted) return known;
  const failures = [...earlier, causeChain(error)];
  const { project_id, deliverable_id, task_id, attempt } = input;
  const data = { deliverable_id, task_id, attempt, failure: failures.length, error: failures.at(-1) ?? "" };
  const key = `${attemptPath(input)}/failed/${failures.length}`;
  await record(db, project_id, [newEvent(key, "kamachiq.execute.agent_failed", `task/${task.id}`, data)]);
  const again = failures.length <= AGENT_RETRIES_MAX;
  return new AgentError(`The agent failed ${failures.length} times.`, failures, again, error);
}

function causeChain(error: unknown): string {
  const chain: string[] = [];
  let at = error;
  for (; at instanceof Error && chain.length < CAUSES_MAX; at = at.cause) chain.push(at.message);
  if (chain.length === 0) chain.push(JSON.stringify(error) ?? "nothing was said");
  return excerpt(chain.join(": "), ERROR_CHARACTERS_MAX);
}

/** The agent's run in a worktree of its own, committed and settled. */
async function produce(
  deps: ActivityDeps,
  work: Work,
  task: TaskNode,
  input: SpawnInput,
  budget_tokens: number,
  started: Date,
): Promise<Produced> {
  const { sourceControl } = deps;
  const name = workspaceName(input);
  const began = performance.now();
  if (!work.plan.provisioning.repository) {
    const outcome = await inEmptyFolder(deps, (folder) => runAgent(deps, work, task, input, budget_tokens, folder));
    return recordProduced(deps, input, outcome, null, [], performance.now() - began);
  }
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

/** The workspace of a deliverable that has no repository: what is left in it goes with it. */
async function inEmptyFolder<T>({ scratch }: ActivityDeps, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(scratch, "work-"));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
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
): Promise<{ budget_tokens: number; started: Date }> {
  const { project_id, deliverable_id, attempt, decision_id } = input;
  const { agent } = work.project.spec;
  const key = `${attemptPath(input)}/started`;
  const tokens_max = Math.ceil(task.estimated_tokens * ATTEMPT_MARGIN);
  const { budget_tokens, started } = await db.transaction().execute(async (tx) => {
    const reserved_tokens = await reserve(tx, attemptOf(input), 1, tokens_max);
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
    await append(tx, project_id, [event]);
    const first = attempt === 1 ? { started_at: new Date() } : {};
    await moveTask(tx, input, attempt === 1 ? "running" : "remediating", { attempt, agent, ...first });
    return { budget_tokens: reserved_tokens, started: await timeOf(tx, project_id, key) };
  });
  log(project_id).info({ task: task.id, attempt, agent, reserved_tokens: budget_tokens }, "agent started");
  return { budget_tokens, started };
}

/** The first execution's, so that a repeated one makes the same commit. */
async function timeOf(db: Kysely<Database>, project_id: string, key: string): Promise<Date> {
  const query = db.selectFrom("events").select("time").where("project_id", "=", project_id).where("key", "=", key);
  return (await query.executeTakeFirstOrThrow()).time;
}

async function recordProduced(
  { db, artifacts, log }: ActivityDeps,
  input: SpawnInput,
  outcome: AgentOutcome,
  commit: string | null,
  files: string[],
  duration_ms: number,
): Promise<Produced> {
  const { project_id, deliverable_id, task_id, attempt } = input;
  const { usage } = outcome;
  const output = await artifacts.put(outcome.summary, "text/plain");
  const data = { deliverable_id, task_id, attempt, commit, files, usage, output, duration_ms };
  const event = newEvent(`${attemptPath(input)}/produced`, "kamachiq.execute.task_produced", `task/${task_id}`, data);
  const tokens = usage.input_tokens + usage.output_tokens;
  await record(db, project_id, [event], async (tx, fresh) => {
    if (!fresh) return;
    await settle(tx, attemptOf(input), usage);
    await moveTask(tx, input, "reviewing", { tokens: sql<number>`tokens + ${tokens}` });
    await recordArtifact(tx, project_id, "agent_output", `${deliverable_id}/${task_id}/${attempt}`, output);
  });
  log(project_id).info({ task: task_id, attempt, tokens, commit, files: files.length }, "agent finished");
  return { commit };
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
