import { defineQuery, defineSignal, defineUpdate } from "@temporalio/workflow";
import type { PlanAnswer } from "../activities/contract.ts";
import type { TaskResult } from "../domain/execute.ts";
import type { Stage } from "../domain/intake.ts";

/** Task queue of workflows and of the activities that only decide and record. */
export const CONTROL_QUEUE = "kamachiq";
/** Task queue of the activities that touch a region's data: residency is enforced by where a worker polls. */
export const agentsQueue = (region: string): string => `kamachiq-agents.${region}`;

export const projectWorkflowId = (projectId: string): string => `kamachiq/${projectId}`;
export const deliverableWorkflowId = (projectId: string, deliverableId: string): string =>
  `kamachiq/${projectId}/${deliverableId}`;
export const taskWorkflowId = (projectId: string, deliverableId: string, taskId: string): string =>
  `kamachiq/${projectId}/${deliverableId}/${taskId}`;

export interface ProjectWorkflowInput {
  project_id: string;
  region: string;
  /** A person approves the plan first. */
  approve_plan?: boolean;
}

/** What a person says of the revision of the plan that has this digest. */
export interface PlanWord extends PlanAnswer {
  digest: string;
}

/** What the project's workflow says of itself without touching the database. */
export interface ProjectProgress {
  stage: Stage;
  paused: boolean;
  blocked: string[];
  cancelling: boolean;
}

export interface Decision {
  decision: "approved" | "rejected";
  actor: string;
  comment: string;
}

export interface Unblock {
  deliverable_id: string;
  actor: string;
  /** Let it through in spite of policy; recorded as an override. */
  allow: boolean;
  reason: string;
}

export const progressQuery = defineQuery<ProjectProgress>("progress");
/** Stops new work from starting; what runs goes on. Answers false when it was so already. */
export const pauseUpdate = defineUpdate<boolean>("pause");
export const resumeUpdate = defineUpdate<boolean>("resume");
/** Ends the project after its running agents were stopped. */
export const cancelUpdate = defineUpdate<boolean, [{ actor: string; reason: string }]>("cancel");
/** Asks policy again about a blocked deliverable, or lets it through. Answers whether it goes on. */
export const unblockUpdate = defineUpdate<boolean, [Unblock]>("unblock");
/** On the plan that waits for approval; refused for any other digest, and when one was taken already. */
export const planUpdate = defineUpdate<boolean, [PlanWord]>("plan");
/** A person's decision on an open review, to the HumanReviewWorkflow. Refused when one was taken already. */
export const decideUpdate = defineUpdate<boolean, [Decision]>("decide");
/** From the project to a deliverable: how many tasks it may run at once. */
export const slotsSignal = defineSignal<[number]>("slots");
/** From a child to its parent: it only waits for people now, or no longer. `id` is the task's or the deliverable's. */
export const waitingSignal = defineSignal<[{ id: string; waiting: boolean }]>("waiting");
/** From a deliverable that continues as new to its tasks: report your end by `taskEnded`. */
export const reportSignal = defineSignal("report");
export const taskEndedSignal = defineSignal<[TaskResult]>("taskEnded");
export const pausedSignal = defineSignal<[boolean]>("paused");
