import {
  CancellationScope,
  condition,
  continueAsNew,
  executeChild,
  getExternalWorkflowHandle,
  isCancellation,
  setHandler,
  workflowInfo,
} from "@temporalio/workflow";
import type { SkippedTask, TaskGraphSketch } from "../activities/contract.ts";
import type { TaskResult } from "../domain/execute.ts";
import type { ArtifactRef } from "../domain/ids.ts";
import { Pace } from "../domain/pace.ts";
import { type Cut, type Outcome, Schedule } from "../domain/schedule.ts";
import { records } from "./activities.ts";
import { AgentTaskWorkflow } from "./agent-task.ts";
import { reasonOf } from "./failures.ts";
import {
  agentsQueue,
  pausedSignal,
  reportSignal,
  slotsSignal,
  taskEndedSignal,
  taskWorkflowId,
  waitingSignal,
} from "./messages.ts";

export interface DeliverableInput {
  project_id: string;
  region: string;
  deliverable_id: string;
  /** Claim check: the graph itself never stands in a history. */
  plan: ArtifactRef;
  /** How many tasks may run at once until the project says otherwise. */
  slots: number;
  paused: boolean;
  /** Where the run before this one stood, when it continued as new. */
  carried?: Carried;
}

/** What a run hands to the next one. */
interface Carried {
  /** A character a task; what is started there reports its end by signal. */
  schedule: string;
  waiting: string[];
  told_waiting: boolean;
  counts: Counts;
  reasons: string[];
}

interface Counts {
  done: number;
  failed: number;
  /** Not run, for one before it failed. */
  cut: number;
  /** Not run, for a condition did not hold. */
  skipped: number;
}

export interface DeliverableResult extends Counts {
  deliverable_id: string;
  /** Why tasks failed, the first of them. */
  reasons: string[];
}

/** Reasons that stand in a history. */
const REASONS_MAX = 20;
/** Skipped tasks that one activity records. */
const SKIPPED_BATCH = 500;
/** How often the log is asked after tasks that an earlier run started, in case their signal was lost with a terminated child. */
const RECONCILE = "30 seconds";

/** Runs a task graph: each task starts as soon as its own dependencies have ended and a slot is free. */
export async function DeliverableWorkflow(input: DeliverableInput): Promise<DeliverableResult> {
  const run = new DeliverableRun(input);
  setHandler(slotsSignal, (slots) => run.setSlots(slots));
  setHandler(pausedSignal, (paused) => run.setPaused(paused));
  setHandler(waitingSignal, ({ id, waiting }) => run.setWaiting(id, waiting));
  setHandler(taskEndedSignal, (result) => run.reported(result));
  const { plan, project_id, deliverable_id } = input;
  await run.toEnd(await records.sketchTaskGraph({ plan, project_id, deliverable_id }));
  return run.result;
}

class DeliverableRun {
  private readonly input: DeliverableInput;
  private schedule = new Schedule([]);
  private pace = new Pace([], []);
  private positions: ReadonlyMap<string, number> = new Map();
  private conditional: ReadonlySet<string> = new Set();
  /** Tasks of this run: when each began, in milliseconds. */
  private readonly running = new Map<string, number>();
  /** Tasks that an earlier run started. */
  private readonly adopted: Set<string>;
  /** Tasks of this run that will report their end by signal as well. */
  private readonly reporting = new Set<string>();
  /** Ends that have not been taken in. */
  private readonly ended: TaskResult[] = [];
  /** Tasks that wait for a person: they hold no slot. */
  private readonly waiting: Set<string>;
  private readonly failures: unknown[] = [];
  private readonly counts: Counts;
  private readonly reasons: string[];
  private slots: number;
  private paused: boolean;
  private toldWaiting: boolean;
  private handedOver = false;

  constructor(input: DeliverableInput) {
    const { carried } = input;
    this.input = input;
    this.slots = input.slots;
    this.paused = input.paused;
    this.waiting = new Set(carried?.waiting);
    this.toldWaiting = carried?.told_waiting ?? false;
    this.counts = carried?.counts ?? { done: 0, failed: 0, cut: 0, skipped: 0 };
    this.reasons = carried?.reasons ?? [];
    this.adopted = new Set();
  }

  get result(): DeliverableResult {
    return { deliverable_id: this.input.deliverable_id, ...this.counts, reasons: this.reasons };
  }

  setSlots(slots: number): void {
    this.slots = slots;
  }

  setPaused(paused: boolean): void {
    this.paused = paused;
  }

  setWaiting(id: string, waiting: boolean): void {
    if (waiting) this.waiting.add(id);
    else this.waiting.delete(id);
  }

  /** A task of an earlier run has ended. */
  reported(result: TaskResult): void {
    this.ended.push(result);
  }

  async toEnd(sketch: TaskGraphSketch): Promise<void> {
    this.load(sketch);
    if (this.adopted.size > 0) this.inBackground(this.reconcile());
    try {
      while (!this.schedule.done && this.failures.length === 0) {
        while (this.canStart()) this.start(this.schedule.next() as string);
        await this.tellWaiting();
        await this.untilNews();
        await this.takeIn();
        if (workflowInfo().continueAsNewSuggested && !this.schedule.done) await this.handOver();
      }
    } finally {
      // Also when cancelled: the agents are being stopped.
      const cancelled = CancellationScope.current().consideredCancelled;
      if (!this.handedOver) await CancellationScope.nonCancellable(() => this.untilAllEnded(cancelled));
    }
    if (this.failures.length > 0) throw this.failures[0];
  }

  private load({ ids, dependencies, seconds, kinds, conditional }: TaskGraphSketch): void {
    const gated = new Set(conditional);
    const nodes = ids.map((id, position) => ({
      id,
      dependencies: (dependencies[position] ?? []).map((at) => ids[at] as string),
      weight: seconds[position] ?? 0,
      conditional: gated.has(position),
    }));
    this.positions = new Map(ids.map((id, position) => [id, position]));
    this.conditional = new Set(conditional.map((position) => ids[position] as string));
    this.pace = new Pace(kinds, seconds);
    this.schedule = new Schedule(nodes, this.input.carried?.schedule);
    for (const id of this.schedule.started) this.adopted.add(id);
  }

  private get open(): number {
    return this.running.size + this.adopted.size;
  }

  private canStart(): boolean {
    return !this.paused && this.open - this.waiting.size < this.slots && this.schedule.readyCount > 0;
  }

  private async untilNews(): Promise<void> {
    const waiting = this.waiting.size;
    await condition(
      () => this.canStart() || this.ended.length > 0 || this.waiting.size !== waiting || this.failures.length > 0,
    );
  }

  private start(id: string): void {
    this.running.set(id, Date.now());
    this.runTask(id)
      .then((result) => this.ended.push(result))
      .catch((error: unknown) => {
        this.running.delete(id);
        this.failures.push(error);
      });
  }

  private async runTask(id: string): Promise<TaskResult> {
    const { project_id, region, deliverable_id } = this.input;
    if (this.conditional.has(id)) {
      const holds = await records.askCondition({ project_id, deliverable_id, task_id: id });
      if (!holds) return notRun(id, "skipped", "its condition does not hold");
    }
    try {
      return await executeChild(AgentTaskWorkflow, {
        workflowId: taskWorkflowId(project_id, deliverable_id, id),
        taskQueue: agentsQueue(region),
        args: [{ project_id, region, deliverable_id, task_id: id }],
        parentClosePolicy: "ABANDON", // it outlives a run that continues as new
        cancellationType: "WAIT_CANCELLATION_COMPLETED",
      });
    } catch (error) {
      if (isCancellation(error)) throw error;
      const result = notRun(id, "failed", reasonOf(error));
      await records.recordTaskEnd({ project_id, deliverable_id, result });
      return result;
    }
  }

  /** Takes in what has ended, with all that falls with it. */
  private async takeIn(): Promise<void> {
    for (let result = this.ended.shift(); result !== undefined; result = this.ended.shift()) {
      const { task_id: id } = result;
      const began = this.running.get(id);
      if (!this.running.delete(id) && !this.adopted.delete(id)) continue; // told twice
      this.waiting.delete(id);
      const outcome: Outcome = result.state === "done" || result.state === "skipped" ? result.state : "failed";
      if (began !== undefined && outcome === "done") this.measure(id, (Date.now() - began) / 1_000);
      this.counts[outcome] += 1;
      if (outcome === "failed") this.keepReason(`${id}: ${result.reason ?? result.state}`);
      const cuts = this.schedule.complete(id, outcome);
      const own: SkippedTask[] =
        outcome === "skipped" ? [{ task_id: id, reason: result.reason ?? outcome, by_condition: true }] : [];
      await this.recordSkipped([...own, ...cuts.map((cut) => this.skipOf(cut, id))]);
    }
  }

  private skipOf({ id, outcome }: Cut, because: string): SkippedTask {
    const by_condition = outcome === "skipped";
    this.counts[by_condition ? "skipped" : "cut"] += 1;
    const reason = by_condition ? `${because} was skipped` : `${because} did not succeed`;
    return { task_id: id, reason, by_condition };
  }

  private measure(id: string, seconds: number): void {
    if (this.pace.record(this.positions.get(id) ?? 0, seconds)) this.schedule.reweigh(this.pace.weights);
  }

  private keepReason(reason: string): void {
    if (this.reasons.length < REASONS_MAX) this.reasons.push(reason);
  }

  private async recordSkipped(skipped: SkippedTask[]): Promise<void> {
    const { project_id, deliverable_id } = this.input;
    for (let from = 0; from < skipped.length; from += SKIPPED_BATCH) {
      const tasks = skipped.slice(from, from + SKIPPED_BATCH);
      await records.recordSkipped({ project_id, deliverable_id, tasks });
    }
  }

  /**
   * Continues as new with its children in flight: each is asked to report its end to whatever run there is then. As long
   * as one could not be asked, because it has not started yet or is at its end, this run goes on and tries again.
   */
  private async handOver(): Promise<void> {
    const { project_id, deliverable_id } = this.input;
    const unasked = [...this.running.keys()].filter((id) => !this.reporting.has(id));
    await Promise.all(
      unasked.map((id) =>
        getExternalWorkflowHandle(taskWorkflowId(project_id, deliverable_id, id))
          .signal(reportSignal)
          .then(
            () => this.reporting.add(id),
            () => {},
          ),
      ),
    );
    await this.takeIn();
    const asked = [...this.running.keys()].every((id) => this.reporting.has(id));
    if (!asked || this.schedule.done || this.failures.length > 0) return;
    const { carried: _, ...input } = this.input;
    const { slots, paused, counts, reasons } = this;
    const carried: Carried = {
      schedule: this.schedule.snapshot,
      waiting: [...this.waiting],
      told_waiting: this.toldWaiting,
      counts,
      reasons,
    };
    this.handedOver = true;
    await continueAsNew<typeof DeliverableWorkflow>({ ...input, slots, paused, carried });
  }

  /** The end of a task is on record before its signal is sent; a child that was terminated sends none. */
  private async reconcile(): Promise<void> {
    const { project_id, deliverable_id } = this.input;
    while (this.adopted.size > 0) {
      this.ended.push(...(await records.findTaskEnds({ project_id, deliverable_id, task_ids: [...this.adopted] })));
      await condition(() => this.adopted.size === 0, RECONCILE);
    }
  }

  private inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => {
      if (!isCancellation(error)) this.failures.push(error);
    });
  }

  /** Children of this run are cancelled with it; those of earlier ones have to be told. */
  private async untilAllEnded(cancelled: boolean): Promise<void> {
    const { project_id, deliverable_id } = this.input;
    const told = cancelled ? [...this.adopted] : [];
    await Promise.all(
      told.map(
        (id) =>
          getExternalWorkflowHandle(taskWorkflowId(project_id, deliverable_id, id))
            .cancel()
            .catch(() => {}), // it has just ended
      ),
    );
    const reconciled = this.reconcile();
    while (this.open > 0) {
      await condition(() => this.ended.length > 0 || this.open === 0);
      await this.takeIn();
    }
    await reconciled;
  }

  /** Tells the project when nothing is left to do but wait for people, and when that changes. */
  private async tellWaiting(): Promise<void> {
    const waiting = this.open > 0 && this.waiting.size === this.open;
    if (waiting === this.toldWaiting) return;
    this.toldWaiting = waiting;
    const { parent } = workflowInfo();
    if (parent === undefined) return;
    await getExternalWorkflowHandle(parent.workflowId).signal(waitingSignal, {
      id: this.input.deliverable_id,
      waiting,
    });
  }
}

function notRun(task_id: string, state: "failed" | "skipped", reason: string): TaskResult {
  return { task_id, state, score: null, tokens: 0, attempts: 0, commit: null, reason };
}
