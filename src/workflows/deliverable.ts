import {
  CancellationScope,
  condition,
  executeChild,
  getExternalWorkflowHandle,
  isCancellation,
  setHandler,
  workflowInfo,
} from "@temporalio/workflow";
import type { TaskResult } from "../domain/execute.ts";
import type { TaskRef } from "../domain/plan.ts";
import { Schedule } from "../domain/schedule.ts";
import { records } from "./activities.ts";
import { AgentTaskWorkflow } from "./agent-task.ts";
import { reasonOf } from "./failures.ts";
import { pausedSignal, slotsSignal, taskWorkflowId, waitingSignal } from "./messages.ts";

export interface DeliverableInput {
  project_id: string;
  region: string;
  deliverable_id: string;
  tasks: TaskRef[];
  /** How many tasks may run at once until the project says otherwise. */
  slots: number;
  paused: boolean;
}

export interface DeliverableResult {
  deliverable_id: string;
  tasks: TaskResult[];
}

/** Runs a task graph: each task starts as soon as its own dependencies are done and a slot is free. */
export async function DeliverableWorkflow(input: DeliverableInput): Promise<DeliverableResult> {
  const run = new DeliverableRun(input);
  setHandler(slotsSignal, (slots) => run.setSlots(slots));
  setHandler(pausedSignal, (paused) => run.setPaused(paused));
  setHandler(waitingSignal, ({ id, waiting }) => run.setWaiting(id, waiting));
  return { deliverable_id: input.deliverable_id, tasks: await run.toEnd() };
}

class DeliverableRun {
  private readonly input: DeliverableInput;
  private readonly tasks: Map<string, TaskRef>;
  private readonly schedule: Schedule;
  private readonly running = new Set<string>();
  /** Tasks that wait for a person: they hold no slot. */
  private readonly waiting = new Set<string>();
  private readonly results: TaskResult[] = [];
  private slots: number;
  private paused: boolean;
  private toldWaiting = false;

  constructor(input: DeliverableInput) {
    this.input = input;
    this.slots = input.slots;
    this.paused = input.paused;
    this.tasks = new Map(input.tasks.map((task) => [task.id, task]));
    this.schedule = new Schedule(
      input.tasks.map(({ id, dependencies, estimated_seconds }) => ({ id, dependencies, weight: estimated_seconds })),
    );
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

  async toEnd(): Promise<TaskResult[]> {
    const failures: unknown[] = [];
    try {
      while (!this.schedule.done && failures.length === 0) {
        while (this.canStart()) this.start(this.schedule.next() as string, failures);
        await this.tellWaiting();
        const waiting = this.waiting.size;
        const open = this.running.size;
        await condition(
          () => this.canStart() || this.running.size !== open || this.waiting.size !== waiting || failures.length > 0,
        );
      }
    } finally {
      // Also when cancelled: the agents are being stopped.
      await CancellationScope.nonCancellable(() => condition(() => this.running.size === 0));
    }
    if (failures.length > 0) throw failures[0];
    return this.results;
  }

  private canStart(): boolean {
    return !this.paused && this.running.size - this.waiting.size < this.slots && this.schedule.readyCount > 0;
  }

  private start(id: string, failures: unknown[]): void {
    this.running.add(id);
    this.runTask(id)
      .catch((error: unknown) => failures.push(error))
      .finally(() => this.running.delete(id));
  }

  private async runTask(id: string): Promise<void> {
    const { project_id, region, deliverable_id } = this.input;
    const task = this.tasks.get(id) as TaskRef;
    const result = await executeChild(AgentTaskWorkflow, {
      workflowId: taskWorkflowId(project_id, deliverable_id, id),
      args: [{ project_id, region, deliverable_id, task }],
      cancellationType: "WAIT_CANCELLATION_COMPLETED",
    }).catch((error: unknown) => {
      if (isCancellation(error)) throw error;
      return failed(id, reasonOf(error));
    });
    this.waiting.delete(id);
    this.results.push(result);
    await this.skip(this.schedule.complete(id, result.state === "done"), id);
  }

  private async skip(ids: string[], because: string): Promise<void> {
    const { project_id, deliverable_id } = this.input;
    for (const id of ids) {
      const result: TaskResult = { ...failed(id, `${because} did not succeed`), state: "skipped" };
      this.results.push(result);
      await records.recordTaskEnd({ project_id, deliverable_id, result });
    }
  }

  /** Tells the project when nothing is left to do but wait for people, and when that changes. */
  private async tellWaiting(): Promise<void> {
    const waiting = this.running.size > 0 && this.waiting.size === this.running.size;
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

function failed(task_id: string, reason: string): TaskResult {
  return { task_id, state: "failed", score: null, tokens: 0, attempts: 0, commit: null, reason };
}
