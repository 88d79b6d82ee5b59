import { OVERRIDE } from "./policy.ts";
import type { z } from "zod";
import { type EventData, type TypedEvent, typedEvent, type UsageData } from "./event-data.ts";
import type { KamachiqEvent } from "./events.ts";
import type { Stage } from "./intake.ts";
import { stageOf } from "./events.ts";

/** What an event said, and which one. */
export type Fact<T> = T & { sequence: number; time: string };

export interface AttemptLog {
  attempt: number;
  started: Fact<EventData<"kamachiq.execute.task_started">> | null;
  produced: Fact<EventData<"kamachiq.execute.task_produced">> | null;
  scored: Fact<EventData<"kamachiq.review.scored">> | null;
  merged: Fact<EventData<"kamachiq.execute.task_merged">> | null;
  returned: Fact<EventData<"kamachiq.execute.task_returned">> | null;
  /** Executions in which the agent itself failed, oldest first. */
  failures: Fact<EventData<"kamachiq.execute.agent_failed">>[];
}

export interface TaskLog {
  deliverable_id: string;
  task_id: string;
  attempts: AttemptLog[];
  end: Fact<EventData<"kamachiq.execute.task_completed"> & { reason: string | null; by_condition?: boolean }> | null;
}

export interface BlockLog {
  blocked: Fact<EventData<"kamachiq.policy.blocked">>;
  unblocked: Fact<EventData<"kamachiq.policy.unblocked">> | null;
}

export interface ReviewLog {
  requested: Fact<EventData<"kamachiq.review.requested">>;
  decided: Fact<EventData<"kamachiq.review.decided">> | null;
}

export type DecisionFact = Fact<EventData<"kamachiq.policy.decided">>;

/** The events of one run by what they are about. Every report is a view of this, and of nothing else. */
export interface RunLog {
  /** Empty strings for an empty log. */
  project: string;
  tenant: string;
  region: string;
  first: { sequence: number; time: string } | null;
  last: { sequence: number; time: string } | null;
  count: number;
  accepted: Fact<EventData<"kamachiq.intake.accepted">> | null;
  resumed: Fact<EventData<"kamachiq.intake.resumed">>[];
  stages: Fact<{ stage: Stage }>[];
  decomposed: Fact<EventData<"kamachiq.plan.decomposed">> | null;
  /** What a model took for the plan, with what failed; a revision that came from elsewhere cost the run nothing. */
  planning: Fact<z.infer<typeof UsageData>>[];
  /** Decisions of people on revisions of the plan, oldest first. */
  plan_approvals: Fact<EventData<"kamachiq.plan.approval_decided">>[];
  validated: Fact<EventData<"kamachiq.plan.validated">> | null;
  decisions: DecisionFact[];
  blocks: BlockLog[];
  provisioned: Fact<EventData<"kamachiq.provision.completed">>[];
  tasks: TaskLog[];
  /** Scores of merged wholes, oldest first. */
  project_scores: Fact<EventData<"kamachiq.review.scored">>[];
  reviews: ReviewLog[];
  governed: Fact<EventData<"kamachiq.govern.reported">>[];
  released: Fact<EventData<"kamachiq.complete.released">>[];
  finished: Fact<EventData<"kamachiq.complete.finished">> | null;
}

/** Reads a run's events, in any order and also when the run was cut off. Throws a ZodError for events that no writer of ours wrote. */
export function readRunLog(events: readonly KamachiqEvent[]): RunLog {
  const ordered = events.toSorted((a, b) => a.sequence - b.sequence);
  const [first, last] = [ordered[0], ordered.at(-1)];
  const log: RunLog = {
    project: first?.project ?? "",
    tenant: first?.tenant ?? "",
    region: first?.region ?? "",
    first: first === undefined ? null : { sequence: first.sequence, time: first.time },
    last: last === undefined ? null : { sequence: last.sequence, time: last.time },
    count: events.length,
    accepted: null,
    resumed: [],
    stages: [],
    decomposed: null,
    planning: [],
    plan_approvals: [],
    validated: null,
    decisions: [],
    blocks: [],
    provisioned: [],
    tasks: [],
    project_scores: [],
    reviews: [],
    governed: [],
    released: [],
    finished: null,
  };
  const tasks = new Map<string, TaskLog>();
  for (const event of ordered) add(log, tasks, typedEvent(event));
  log.tasks = [...tasks.values()];
  return log;
}

function add(log: RunLog, tasks: Map<string, TaskLog>, event: TypedEvent): void {
  const { sequence, time } = event;
  const fact = <T extends object>(data: T): Fact<T> => ({ ...data, sequence, time });
  switch (event.type) {
    case "kamachiq.intake.accepted":
      log.accepted = fact(event.data);
      log.stages.push(fact({ stage: "intake" as const }));
      break;
    case "kamachiq.intake.resumed":
      log.resumed.push(fact(event.data));
      break;
    case "kamachiq.plan.decomposed":
      if (log.decomposed === null && event.data.planning !== undefined) log.planning.push(fact(event.data.planning));
      log.decomposed = fact(event.data);
      break;
    case "kamachiq.plan.failed":
      log.planning.push(fact(event.data.planning));
      break;
    case "kamachiq.plan.approval_requested":
      break; // the decision says the same and more
    case "kamachiq.plan.approval_decided":
      log.plan_approvals.push(fact(event.data));
      break;
    case "kamachiq.plan.validated":
      log.validated = fact(event.data);
      break;
    case "kamachiq.policy.decided":
      log.decisions.push(fact(event.data));
      break;
    case "kamachiq.policy.blocked":
      log.blocks.push({ blocked: fact(event.data), unblocked: null });
      break;
    case "kamachiq.policy.unblocked":
      for (const block of log.blocks)
        if (block.blocked.deliverable_id === event.data.deliverable_id) block.unblocked ??= fact(event.data);
      break;
    case "kamachiq.provision.completed":
      log.provisioned.push(fact(event.data));
      break;
    case "kamachiq.review.requested":
      log.reviews.push({ requested: fact(event.data), decided: null });
      break;
    case "kamachiq.review.decided":
      for (const review of log.reviews)
        if (review.requested.review_id === event.data.review_id) review.decided ??= fact(event.data);
      break;
    case "kamachiq.govern.reported":
      log.governed.push(fact(event.data));
      break;
    case "kamachiq.complete.released":
      log.released.push(fact(event.data));
      break;
    case "kamachiq.complete.finished":
      log.finished = fact(event.data);
      break;
    case "kamachiq.review.scored":
      if (event.data.scope === "project") log.project_scores.push(fact(event.data));
      else addToTask(tasks, event);
      break;
    case "kamachiq.plan.started":
    case "kamachiq.policy.started":
    case "kamachiq.provision.started":
    case "kamachiq.execute.started":
    case "kamachiq.review.started":
    case "kamachiq.govern.started":
    case "kamachiq.complete.started":
      log.stages.push(fact({ stage: stageOf(event.type) }));
      break;
    default:
      addToTask(tasks, event);
  }
}

type TaskEvent = Extract<TypedEvent, { data: { task_id: string | null } }>;

function addToTask(tasks: Map<string, TaskLog>, event: TaskEvent): void {
  const { deliverable_id, task_id } = event.data;
  if (deliverable_id === null || task_id === null || event.type === "kamachiq.review.requested") return;
  const key = `${deliverable_id}/${task_id}`;
  const task = tasks.get(key) ?? { deliverable_id, task_id, attempts: [], end: null };
  tasks.set(key, task);
  const at = { sequence: event.sequence, time: event.time };
  switch (event.type) {
    case "kamachiq.execute.task_started":
      attemptOf(task, event.data.attempt).started ??= { ...event.data, ...at };
      break;
    case "kamachiq.execute.task_produced":
      attemptOf(task, event.data.attempt).produced = { ...event.data, ...at };
      break;
    case "kamachiq.review.scored":
      attemptOf(task, event.data.attempt).scored = { ...event.data, ...at };
      break;
    case "kamachiq.execute.task_merged":
      attemptOf(task, event.data.attempt).merged = { ...event.data, ...at };
      break;
    case "kamachiq.execute.task_returned":
      attemptOf(task, event.data.attempt).returned = { ...event.data, ...at };
      break;
    case "kamachiq.execute.agent_failed":
      attemptOf(task, event.data.attempt).failures.push({ ...event.data, ...at });
      break;
    case "kamachiq.execute.task_completed":
      task.end = { ...event.data, reason: null, ...at };
      break;
    default:
      task.end = { ...event.data, ...at };
  }
}

function attemptOf(task: TaskLog, attempt: number): AttemptLog {
  const known = task.attempts.find((one) => one.attempt === attempt);
  if (known !== undefined) return known;
  const added = { attempt, started: null, produced: null, scored: null, merged: null, returned: null, failures: [] };
  task.attempts.push(added);
  return added;
}

/** Tokens that were spent, on the plan and on every attempt. */
export function spentInAll(log: RunLog): number {
  const planned = log.planning.reduce((sum, usage) => sum + usage.input_tokens + usage.output_tokens, 0);
  return log.tasks.reduce((sum, task) => sum + spentOf(task), planned);
}

/** Tokens that the task's attempts really used. */
export function spentOf(task: TaskLog): number {
  return task.attempts.reduce((sum, attempt) => sum + spendOf(attempt), 0);
}

/** Tokens of the first quality attempt, which is what the plan estimates. */
export function firstSpendOf(task: TaskLog): number {
  const first = task.attempts.find(({ attempt }) => attempt === 1);
  return first === undefined ? 0 : spendOf(first);
}

function spendOf({ produced }: AttemptLog): number {
  return produced === null ? 0 : produced.usage.input_tokens + produced.usage.output_tokens;
}

/** The plan's estimate of a task, in tokens; before it was recorded, the first reservation. Null for a task that never started. */
export function estimateOf(task: TaskLog): number | null {
  const started = task.attempts.find((attempt) => attempt.started !== null)?.started;
  return started === undefined || started === null ? null : (started.estimated_tokens ?? started.reserved_tokens);
}

/** The score that the task's last graded attempt got. */
export function lastScore(task: TaskLog): Fact<EventData<"kamachiq.review.scored">> | null {
  return task.attempts.findLast((attempt) => attempt.scored !== null)?.scored ?? null;
}

/** Whether a person let the step through that policy did not. */
export function isOverridden(log: RunLog, { decision }: DecisionFact): boolean {
  if (decision.violations.some((violation) => violation.rule === OVERRIDE)) return true;
  if (decision.allowed) return false;
  return log.blocks.some(
    ({ blocked, unblocked }) => unblocked !== null && blocked.decision_id === decision.decision_id,
  );
}

/** Deliverables that policy stopped and that nobody let through yet. */
export function openBlocks(log: RunLog): BlockLog[] {
  return log.blocks.filter((block) => block.unblocked === null);
}

/** The latest score of every merged whole, by deliverable. */
export function latestProjectScores(log: RunLog): Fact<EventData<"kamachiq.review.scored">>[] {
  return [...new Map(log.project_scores.map((scored) => [scored.deliverable_id, scored])).values()];
}
