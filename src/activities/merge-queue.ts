import { setTimeout as sleep } from "node:timers/promises";
import { Context } from "@temporalio/activity";
import { sql } from "kysely";
import { newEvent } from "../domain/event-data.ts";
import type { TaskResult } from "../domain/execute.ts";
import { excerpt } from "../platform/text.ts";
import type { CommitInfo } from "../ports/source-control.ts";
import type { AgentActivities, AttemptKey, IntegrateResult } from "./contract.ts";
import { attemptPath } from "./agent.ts";
import { dependencyFolders } from "./dependencies.ts";
import type { ActivityDeps } from "./deps.ts";
import { evaluatorOf, withTree } from "./evaluate.ts";
import { COMMITTER } from "./provision.ts";
import { loadWork, type Work } from "./project.ts";
import { endEvent, moveTask } from "./state.ts";
import { record } from "./transaction.ts";

const POLL_MS = 50;
/** Merged and tested together at most; a red batch is halved until the culprit is found. */
const BATCH_MAX = 16;

/** A commit that waits in its repository's queue. */
interface Entry {
  key: string;
  commit: string;
  info: CommitInfo;
  claimed: boolean;
}

type Verdict = { state: "merged" | "conflict" | "red"; tip: string | null; report: string | null; retest_ms: number };

/** One queue a repository: each merge is re-tested on the merged tip before the branch moves. */
export function createIntegrateActivities(deps: ActivityDeps): Pick<AgentActivities, "integrate"> {
  return {
    async integrate(input) {
      const work = await loadWork(deps, input.project_id, input.deliverable_id);
      return integrateCommit(deps, work, input, () => null);
    },
  };
}

/** Merges an attempt's commit, or says why not. `end`: how the task ends with the merge, if it does. */
export async function integrateCommit(
  deps: ActivityDeps,
  work: Work,
  input: AttemptKey & { commit: string },
  end: (tip: string) => TaskResult | null,
): Promise<IntegrateResult> {
  const key = attemptPath(input);
  await enqueue(deps, work, key, input);
  const verdict = await settled(deps, work, key);
  return recordVerdict(deps, work, input, verdict, verdict.tip === null ? null : end(verdict.tip));
}

async function enqueue({ db }: ActivityDeps, work: Work, key: string, input: AttemptKey & { commit: string }) {
  const info: CommitInfo = {
    subject: `merge: ${input.task_id}`,
    trailers: { "Kamachiq-Merge": key },
    author: COMMITTER,
    date: new Date().toISOString(),
  };
  await db
    .insertInto("merges")
    .values({
      project_id: input.project_id,
      repository: work.repository,
      key,
      commit: input.commit,
      info: JSON.stringify(info),
      state: "pending",
    })
    .onConflict((oc) => oc.doNothing())
    .execute();
}

/** Waits for the entry's verdict; whoever holds the repository's lock works the whole queue off. */
async function settled(deps: ActivityDeps, work: Work, key: string): Promise<Verdict> {
  const { cancellationSignal } = Context.current();
  for (;;) {
    cancellationSignal.throwIfAborted();
    const row = await deps.db
      .selectFrom("merges")
      .select(["state", "tip", "report", "retest_ms"])
      .where("project_id", "=", work.project.id)
      .where("key", "=", key)
      .executeTakeFirstOrThrow();
    const { state, retest_ms } = row;
    if (state !== "pending") return { ...row, state, retest_ms: retest_ms ?? 0 };
    if (!(await workOff(deps, work))) await sleep(POLL_MS);
  }
}

/** Merges what is pending. False when another worker holds the lock; it dies with its holder's connection. */
async function workOff(deps: ActivityDeps, work: Work): Promise<boolean> {
  return deps.db.connection().execute(async (connection) => {
    const lock = sql<{
      held: boolean;
    }>`select pg_try_advisory_lock(hashtextextended(${`merge/${work.repository}`}, 0)) as held`;
    if ((await lock.execute(connection)).rows[0]?.held !== true) return false;
    try {
      const batch: Entry[] = await connection
        .selectFrom("merges")
        .select(["key", "commit", "info", "claimed"])
        .where("repository", "=", work.repository)
        .where("state", "=", "pending")
        .orderBy("position")
        .limit(BATCH_MAX)
        .execute();
      await mergeBatch(deps, work, batch);
      return true;
    } finally {
      await sql`select pg_advisory_unlock(hashtextextended(${`merge/${work.repository}`}, 0))`.execute(connection);
    }
  });
}

async function mergeBatch(deps: ActivityDeps, work: Work, entries: Entry[]): Promise<void> {
  const batch = await withoutMerged(deps, work, entries);
  if (batch.length === 0) return;
  const verdict = await tryMerge(deps, work, batch);
  if (verdict === "moved") return mergeBatch(deps, work, batch);
  if (verdict.state === "merged" || batch.length === 1) {
    for (const entry of batch) await close(deps, work, entry, verdict);
    return;
  }
  const half = Math.ceil(batch.length / 2);
  await mergeBatch(deps, work, batch.slice(0, half));
  await mergeBatch(deps, work, batch.slice(half));
}

/** A worker that died after it moved the branch left its merges there: they count, and are not made again. */
async function withoutMerged(deps: ActivityDeps, work: Work, batch: Entry[]): Promise<Entry[]> {
  const open: Entry[] = [];
  for (const entry of batch) {
    if (!entry.claimed) {
      open.push(entry);
      continue;
    }
    const tip = await deps.sourceControl.findByTrailer(work.repository, "Kamachiq-Merge", entry.key);
    if (tip === null) open.push(entry);
    else await close(deps, work, entry, { state: "merged", tip, report: null, retest_ms: 0 });
  }
  await claim(deps, work, open);
  return open.map((entry) => ({ ...entry, claimed: true }));
}

async function claim({ db }: ActivityDeps, { project }: Work, entries: readonly Entry[]): Promise<void> {
  if (entries.length === 0) return;
  await db
    .updateTable("merges")
    .set({ claimed: true })
    .where("project_id", "=", project.id)
    .where(
      "key",
      "in",
      entries.map(({ key }) => key),
    )
    .execute();
}

/** `moved`: somebody else moved the branch meanwhile, and everything has to be looked at again. */
async function tryMerge(deps: ActivityDeps, work: Work, entries: Entry[]): Promise<Verdict | "moved"> {
  const { sourceControl } = deps;
  const tip = await sourceControl.tip(work.repository);
  const merged = await sourceControl.prepareMerge(work.repository, tip, entries);
  if (merged.status === "conflict") {
    const report = `Conflicts with the branch in ${merged.files.join(", ")}.`;
    return { state: "conflict", tip: null, report, retest_ms: 0 };
  }
  const began = performance.now();
  const failure = await retest(deps, work, merged.tip);
  const retest_ms = performance.now() - began;
  if (failure !== null) return { state: "red", tip: null, report: failure, retest_ms };
  const advanced = await sourceControl.advance(work.repository, tip, merged.tip);
  return advanced ? { state: "merged", tip: merged.tip, report: null, retest_ms } : "moved";
}

/** What fails on the merged tip, in words for the agent; null when it is green. */
async function retest(deps: ActivityDeps, work: Work, tip: string): Promise<string | null> {
  const stack = evaluatorOf(deps.evaluators, work);
  const files = await deps.sourceControl.listFiles(work.repository, tip);
  const dependencies = await dependencyFolders(deps, work);
  const results = await withTree(deps, work, tip, (tree) =>
    stack.evaluate({
      tree,
      checks: stack.mergeChecks(files),
      probes: [],
      acceptance: [],
      changed: [],
      dependencies,
      mutation: { mutants_max: 0, floor: 0, seed: 0, wall_ms: 0 },
      signal: Context.current().cancellationSignal,
    }),
  );
  const failed = results.filter((result) => !result.passed);
  if (failed.length === 0) return null;
  return failed.map(({ check, command, excerpt: text }) => `${check} (${command}):\n${text}`).join("\n\n");
}

async function close({ db }: ActivityDeps, work: Work, entry: Entry, verdict: Verdict): Promise<void> {
  await db
    .updateTable("merges")
    .set(verdict)
    .where("project_id", "=", work.project.id)
    .where("key", "=", entry.key)
    .execute();
}

async function recordVerdict(
  { db, artifacts, log }: ActivityDeps,
  work: Work,
  input: AttemptKey & { commit: string },
  { state, tip, report, retest_ms }: Verdict,
  end: TaskResult | null,
): Promise<IntegrateResult> {
  const { project_id, deliverable_id, task_id, attempt, commit } = input;
  const key = `${attemptPath(input)}/integrated`;
  const subject = `task/${task_id}`;
  const message = excerpt(report ?? "", 8_000);
  const event =
    tip !== null
      ? newEvent(key, "kamachiq.execute.task_merged", subject, {
          deliverable_id,
          task_id,
          attempt,
          commit,
          tip,
          retest_ms,
        })
      : newEvent(key, "kamachiq.execute.task_returned", subject, {
          deliverable_id,
          task_id,
          attempt,
          reason: `${state}: ${excerpt(message, 500)}`,
          findings: 1,
        });
  await record(db, project_id, end === null ? [event] : [event, endEvent(work, end)], async (tx) => {
    if (tip === null) await moveTask(tx, input, "remediating");
    else if (end === null) await moveTask(tx, input, "merging", { commit: tip });
    else await moveTask(tx, input, end.state, { commit: tip, ended_at: new Date() });
  });
  log(project_id).info({ task: task_id, attempt, state, tip, retest_ms }, "merge queue");
  if (state === "merged") return { status: state, tip, feedback: null };
  const feedback = await artifacts.put(JSON.stringify({ findings: [{ check: "merge", message }] }), "application/json");
  return { status: state, tip: null, feedback };
}
