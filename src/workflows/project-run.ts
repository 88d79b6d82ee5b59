import { CancellationScope, condition, getExternalWorkflowHandle, setHandler } from "@temporalio/workflow";
import { ApplicationFailure, type Duration } from "@temporalio/common";
import type { DecisionSummary, PlanAnswer } from "../activities/contract.ts";
import type { Stage } from "../domain/intake.ts";
import { records, regional, type Regional } from "./activities.ts";
import {
  cancelUpdate,
  deliverableWorkflowId,
  pausedSignal,
  pauseUpdate,
  planUpdate,
  type PlanWord,
  progressQuery,
  type ProjectWorkflowInput,
  resumeUpdate,
  slotsSignal,
  type Unblock,
  unblockUpdate,
  waitingSignal,
} from "./messages.ts";

/** As what the plan waits for a person. Deliverables start only when it no longer does. */
const PLAN = "plan";

/** What the stages share: the project's ids, what people told it, and who is waiting for whom. */
export class ProjectRun {
  readonly project_id: string;
  readonly region: string;
  readonly approvePlan: boolean;
  readonly steps: Regional["steps"];
  readonly scope = new CancellationScope();
  /** Set when the scope was cancelled: how the project then ends. */
  ending: { state: "cancelled" | "partial"; reason: string } | undefined;
  paused = false;
  private stage: Stage = "intake";
  private readonly active = new Set<string>();
  private readonly waiting = new Set<string>();
  private readonly blocked = new Map<string, DecisionSummary>();
  private readonly unblocking = new Map<string, Unblock & { allowed?: boolean }>();
  private openPlan: string | undefined;
  private planAnswer: PlanAnswer | undefined;
  private state: "running" | "waiting" | "blocked" | "paused" = "running";

  constructor({ project_id, region, approve_plan = false }: ProjectWorkflowInput) {
    this.project_id = project_id;
    this.region = region;
    this.approvePlan = approve_plan;
    this.steps = regional(region).steps;
    setHandler(progressQuery, () => ({
      stage: this.stage,
      paused: this.paused,
      blocked: [...this.blocked.keys()],
      cancelling: this.ending !== undefined,
    }));
    setHandler(pauseUpdate, () => this.pause(true));
    setHandler(resumeUpdate, () => this.pause(false));
    setHandler(cancelUpdate, ({ actor, reason }) => this.end("cancelled", `cancelled by ${actor}: ${reason}`));
    setHandler(unblockUpdate, (request) => this.unblock(request), {
      validator: ({ deliverable_id }) => {
        if (this.blocked.has(deliverable_id) && !this.unblocking.has(deliverable_id)) return;
        throw ApplicationFailure.nonRetryable(
          `Deliverable ${deliverable_id} is not blocked, or is being looked at.`,
          "conflict",
        );
      },
    });
    setHandler(waitingSignal, ({ id, waiting }) => this.setWaiting(id, waiting));
    setHandler(planUpdate, (word) => this.answerPlan(word), {
      validator: ({ digest }) => {
        if (this.openPlan === digest && this.planAnswer === undefined) return;
        throw ApplicationFailure.nonRetryable("No plan with this digest waits for approval.", "conflict");
      },
    });
  }

  /** Waits for a person's word on a plan; null when nobody gave one in time. */
  async untilPlanAnswered(digest: string, timeout: Duration): Promise<PlanAnswer | null> {
    [this.openPlan, this.planAnswer] = [digest, undefined];
    this.deliverableStarted(PLAN);
    this.setWaiting(PLAN, true);
    try {
      await condition(() => this.planAnswer !== undefined, timeout);
      return this.planAnswer ?? null;
    } finally {
      this.openPlan = undefined;
      this.deliverableEnded(PLAN);
    }
  }

  private answerPlan(word: PlanWord): boolean {
    this.planAnswer = word;
    return true;
  }

  async enter(stage: Stage): Promise<void> {
    this.stage = stage;
    await records.startStage({ project_id: this.project_id, stage });
  }

  /** Cancels what runs; the project then ends in this state. Answers false when it was ending already. */
  async end(state: "cancelled" | "partial", reason: string): Promise<boolean> {
    if (this.ending !== undefined) return false;
    this.ending = { state, reason };
    this.scope.cancel();
    return true;
  }

  /** True while only people or the requeue store can move the project on: its clock then stands still. */
  get idle(): boolean {
    return this.paused || this.onlyAwaited;
  }

  private get onlyAwaited(): boolean {
    return this.active.size > 0 && [...this.active].every((id) => this.waiting.has(id) || this.blocked.has(id));
  }

  deliverableStarted(id: string): void {
    this.active.add(id);
  }

  deliverableEnded(id: string): void {
    this.active.delete(id);
    this.waiting.delete(id);
  }

  /** Waits until a blocked deliverable is to be looked at again. `answerUnblock` must follow. */
  async untilUnblocked(id: string, decision: DecisionSummary): Promise<Unblock> {
    this.blocked.set(id, decision);
    await condition(() => this.unblocking.has(id));
    return this.unblocking.get(id) as Unblock;
  }

  answerUnblock(id: string, allowed: boolean): void {
    const request = this.unblocking.get(id);
    if (request !== undefined) request.allowed = allowed;
    this.unblocking.delete(id);
    this.blocked.delete(id);
  }

  /** Shows users what the project waits for, until the scope ends. */
  async reportState(): Promise<void> {
    for (;;) {
      await condition(() => this.visibleState() !== this.state);
      this.state = this.visibleState();
      await records.setProjectState({ project_id: this.project_id, state: this.state, reason: this.visibleReason() });
    }
  }

  private visibleState(): "running" | "waiting" | "blocked" | "paused" {
    if (this.paused) return "paused";
    if (!this.onlyAwaited) return "running";
    return this.waiting.size > 0 ? "waiting" : "blocked";
  }

  private visibleReason(): string | null {
    if (this.state === "waiting") return `${[...this.waiting].join(", ")} waits for a person`;
    if (this.state !== "blocked") return null;
    return [...this.blocked].map(([id, { reasons }]) => `${id}: ${reasons.join("; ")}`).join(" · ");
  }

  private async pause(paused: boolean): Promise<boolean> {
    if (this.paused === paused) return false;
    this.paused = paused;
    await Promise.all([...this.active].map((id) => this.tell(id, paused)));
    return true;
  }

  /** Shares the project's slots among the deliverables that run, at least one each. */
  async shareSlots(slots_max: number, running: Iterable<string>): Promise<void> {
    const ids = [...running];
    const share = Math.max(1, Math.floor(slots_max / Math.max(1, ids.length)));
    await Promise.all(
      ids.map(
        (id) =>
          getExternalWorkflowHandle(deliverableWorkflowId(this.project_id, id))
            .signal(slotsSignal, share)
            .catch(() => {}), // it has just ended
      ),
    );
  }

  private async tell(id: string, paused: boolean): Promise<void> {
    await getExternalWorkflowHandle(deliverableWorkflowId(this.project_id, id))
      .signal(pausedSignal, paused)
      .catch(() => {}); // not started yet, or just ended
  }

  /** One at a time for each deliverable; the answer is policy's. */
  private async unblock(asked: Unblock): Promise<boolean> {
    const request: Unblock & { allowed?: boolean } = { ...asked };
    this.unblocking.set(asked.deliverable_id, request);
    await condition(() => request.allowed !== undefined);
    return request.allowed === true;
  }

  setWaiting(id: string, waiting: boolean): void {
    if (waiting) this.waiting.add(id);
    else this.waiting.delete(id);
  }
}
