export { AgentTaskWorkflow } from "./agent-task.ts";
export { DeliverableWorkflow } from "./deliverable.ts";
export { HumanReviewWorkflow } from "./human-review.ts";
export { KamachiqProjectWorkflow } from "./project.ts";
