import type { CompletionReport, Share, TaskLine } from "./completion-report.ts";
import type { KamachiqEvent } from "./events.ts";
import type { ArtifactRef } from "./ids.ts";
import { estimateOf, lastScore, readRunLog, type RunLog, spentOf, type TaskLog } from "./run-log.ts";

export { renderCompletionMarkdown } from "./report-markdown.ts";

/** Compiles the report of a run, whole or cut off. Pure. Throws a ZodError for events that no writer of ours wrote. */
export function compileCompletion(events: readonly KamachiqEvent[]): CompletionReport {
  const log = readRunLog(events);
  const { accepted, finished } = log;
  const [released, governed] = [log.released.at(-1), log.governed.at(-1)];
  const allowed = log.decisions.filter((fact) => fact.decision.allowed).length;
  return {
    project: log.project,
    name: accepted?.name ?? "",
    goals: accepted?.goals ?? [],
    tenant: log.tenant,
    region: log.region,
    agent: accepted?.agent ?? "",
    sandbox: accepted?.sandbox ?? "",
    outcome: {
      state: finished?.state ?? "unfinished",
      reason: finished?.reason ?? null,
      score: finished?.score ?? log.project_scores.at(-1)?.score ?? null,
      repository: finished?.repository ?? null,
      event: finished?.sequence ?? null,
    },
    release:
      released === undefined
        ? null
        : { tag: released.tag, commit: released.commit, decision_id: released.decision_id, event: released.sequence },
    governance:
      governed === undefined ? null : { verdict: governed.verdict, notes: governed.notes, event: governed.sequence },
    deliverables: deliverablesOf(log),
    tasks: log.tasks.map(taskLine),
    spend: spendOf(log),
    timeline: timelineOf(log),
    scores: log.project_scores.map(
      ({ deliverable_id, score: value, approved, metrics, vetoes, checks, sequence: event }) => {
        const brief = checks.map(({ check, passed, counts }) => ({ check, passed, counts }));
        return { deliverable_id, score: value, approved, metrics, vetoes, checks: brief, event };
      },
    ),
    reviews: reviewsOf(log),
    blocked: blockedOf(log),
    resources: log.provisioned.flatMap((fact) => fact.resources.map((one) => ({ ...one, event: fact.sequence }))),
    artifacts: artifactsOf(log),
    decisions: { total: log.decisions.length, allowed, denied: log.decisions.length - allowed },
    events: log.count,
  };
}

function taskLine(task: TaskLog): TaskLine {
  const { deliverable_id, task_id, attempts, end } = task;
  const started = attempts.find((attempt) => attempt.started !== null)?.started ?? null;
  const milliseconds = { agent: 0, review: 0, retest: 0 };
  for (const { produced, scored, merged } of attempts) {
    milliseconds.agent += produced?.duration_ms ?? 0;
    milliseconds.review += scored?.duration_ms ?? 0;
    milliseconds.retest += merged?.retest_ms ?? 0;
  }
  const facts = attempts.flatMap((one) => [
    one.started,
    ...one.failures,
    one.produced,
    one.scored,
    one.merged,
    one.returned,
  ]);
  return {
    deliverable_id,
    task_id,
    type: end?.type ?? started?.type ?? "",
    persona: started?.persona ?? "",
    state: end?.state ?? "unfinished",
    reason: end?.reason ?? null,
    score: end?.score ?? lastScore(task)?.score ?? null,
    attempts: Math.max(end?.attempts ?? 0, attempts.length),
    tokens: spentOf(task),
    estimated_tokens: estimateOf(task),
    commit: end?.commit ?? attempts.findLast((attempt) => attempt.merged !== null)?.merged?.tip ?? null,
    started_at: started?.time ?? null,
    ended_at: end?.time ?? null,
    agent_seconds: milliseconds.agent / 1_000,
    review_seconds: milliseconds.review / 1_000,
    retest_seconds: milliseconds.retest / 1_000,
    events: [...facts, end].flatMap((fact) => fact?.sequence ?? []).toSorted((a, b) => a - b),
  };
}

function deliverablesOf(log: RunLog): CompletionReport["deliverables"] {
  const blocked = new Set(log.blocks.filter((one) => one.unblocked === null).map((one) => one.blocked.deliverable_id));
  const provisioned = log.provisioned.flatMap((fact) => fact.resources.map((resource) => resource.deliverable));
  const ids = new Set([
    ...provisioned,
    ...log.blocks.map((one) => one.blocked.deliverable_id),
    ...log.tasks.map((task) => task.deliverable_id),
  ]);
  return Array.from(ids, (id) => {
    const tasks = log.tasks.filter((task) => task.deliverable_id === id);
    return {
      id,
      tasks: tasks.length,
      done: tasks.filter((task) => task.end?.state === "done").length,
      tokens: tasks.reduce((sum, task) => sum + spentOf(task), 0),
      blocked: blocked.has(id),
      score: log.project_scores.findLast((scored) => scored.deliverable_id === id)?.score ?? null,
    };
  });
}

function spendOf(log: RunLog): CompletionReport["spend"] {
  const produced = log.tasks.flatMap((task) =>
    task.attempts.flatMap(({ produced, started }) => {
      if (produced === null) return [];
      const { input_tokens, output_tokens, usd, source } = produced.usage;
      const { deliverable_id, task_id } = task;
      return [
        { tokens: input_tokens + output_tokens, usd, source, deliverable_id, task_id, persona: started?.persona ?? "" },
      ];
    }),
  );
  const lines = [...planningLines(log), ...produced];
  const by = (name: (line: (typeof lines)[number]) => string): Share[] => {
    const shares = Map.groupBy(lines, name);
    return Array.from(shares, ([key, of]) => ({ name: key, ...sumOf(of) })).toSorted((a, b) => b.tokens - a.tokens);
  };
  return {
    ...sumOf(lines),
    budget_tokens: log.accepted?.budget_tokens ?? 0,
    estimated_tokens: log.decomposed?.estimated_tokens ?? 0,
    by_deliverable: by((line) => line.deliverable_id),
    by_task: by((line) => `${line.deliverable_id}/${line.task_id}`),
    by_persona: by((line) => line.persona),
    by_source: by((line) => line.source),
  };
}

/** What a model used to make the plan. It belongs to no deliverable. */
function planningLines(log: RunLog) {
  return log.planning.map(({ input_tokens, output_tokens, usd, source }) => {
    const tokens = input_tokens + output_tokens;
    return { tokens, usd, source, deliverable_id: "planning", task_id: "planning", persona: "planner" };
  });
}

function sumOf(lines: readonly { tokens: number; usd: number }[]): { tokens: number; usd: number } {
  return lines.reduce((sum, line) => ({ tokens: sum.tokens + line.tokens, usd: sum.usd + line.usd }), {
    tokens: 0,
    usd: 0,
  });
}

function timelineOf(log: RunLog): CompletionReport["timeline"] {
  const [start, end] = [log.first?.time ?? null, (log.finished ?? log.last)?.time ?? null];
  const attempts = log.tasks.flatMap((task) => task.attempts);
  const reviews = [...log.project_scores, ...attempts.flatMap(({ scored }) => scored ?? [])];
  return {
    started_at: start,
    ended_at: end,
    seconds: secondsBetween(start, end),
    review_seconds: reviews.reduce((sum, scored) => sum + scored.duration_ms, 0) / 1_000,
    stages: log.stages.map(({ stage, time, sequence: event }, index) => ({
      stage,
      started_at: time,
      seconds: secondsBetween(time, log.stages[index + 1]?.time ?? end),
      event,
    })),
    resumed: log.resumed.map(({ time, actor, sequence: event }) => ({ time, actor, event })),
  };
}

function secondsBetween(from: string | null, to: string | null): number {
  if (from === null || to === null) return 0;
  return Math.max(0, Date.parse(to) - Date.parse(from)) / 1_000;
}

function reviewsOf(log: RunLog): CompletionReport["reviews"] {
  return log.reviews.map(({ requested, decided }) => ({
    review_id: requested.review_id,
    scope: requested.scope,
    subject: requested.task_id ?? requested.deliverable_id ?? log.project,
    score: requested.score,
    decision: decided?.decision ?? "open",
    actor: decided?.actor ?? null,
    comment: decided?.comment ?? null,
    events: decided === null ? [requested.sequence] : [requested.sequence, decided.sequence],
  }));
}

function blockedOf(log: RunLog): CompletionReport["blocked"] {
  return log.blocks.map(({ blocked, unblocked }) => ({
    deliverable_id: blocked.deliverable_id,
    decision_id: blocked.decision_id,
    reasons: blocked.reasons,
    resolved:
      unblocked === null ? null : { actor: unblocked.actor, reason: unblocked.reason, event: unblocked.sequence },
    event: blocked.sequence,
  }));
}

function artifactsOf(log: RunLog): CompletionReport["artifacts"] {
  const artifacts: CompletionReport["artifacts"] = [];
  const add = (kind: string, subject: string, ref: ArtifactRef, event: number): void => {
    artifacts.push({ kind, subject, ref, event });
  };
  if (log.decomposed !== null) add("plan", log.project, log.decomposed.plan, log.decomposed.sequence);
  for (const task of log.tasks) {
    for (const { attempt, produced, scored } of task.attempts) {
      const subject = `${task.deliverable_id}/${task.task_id}/${attempt}`;
      if (produced !== null) add("task_output", subject, produced.output, produced.sequence);
      if (scored !== null) add("quality_report", subject, scored.report, scored.sequence);
    }
  }
  for (const scored of log.project_scores)
    add("project_report", scored.deliverable_id ?? log.project, scored.report, scored.sequence);
  for (const governed of log.governed) add("governance_report", log.project, governed.report, governed.sequence);
  for (const released of log.released) add("release_notes", released.tag, released.notes, released.sequence);
  return artifacts.toSorted((a, b) => a.event - b.event);
}
