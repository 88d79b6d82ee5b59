import type { AgentActivities, ControlActivities } from "./contract.ts";
import { createSpawnActivities } from "./attempt.ts";
import { createCompleteActivities, createPromoteActivities } from "./complete.ts";
import type { ActivityDeps } from "./deps.ts";
import { createEvaluateActivities } from "./evaluate.ts";
import { createGovernActivities } from "./govern.ts";
import { createReviewActivities } from "./human-review.ts";
import { createGraphActivities } from "./graph.ts";
import { createIntegrateActivities } from "./merge-queue.ts";
import { createPlanActivities } from "./plan.ts";
import { createPlanApprovalActivities } from "./plan-approval.ts";
import { createPolicyActivities } from "./policy.ts";
import { createProvisionActivities } from "./provision.ts";
import { createStateActivities } from "./state.ts";

/** What decides and records, for the control queue. */
export function createControlActivities(deps: ActivityDeps): ControlActivities {
  return {
    ...createStateActivities(deps),
    ...createPlanActivities(deps),
    ...createPlanApprovalActivities(deps),
    ...createPolicyActivities(deps),
    ...createGraphActivities(deps),
    ...createReviewActivities(deps),
    ...createGovernActivities(deps),
    ...createCompleteActivities(deps),
  };
}

/** What touches repositories, workspaces and agents, for a region's queue. */
export function createAgentActivities(deps: ActivityDeps): AgentActivities {
  return {
    ...createProvisionActivities(deps),
    ...createSpawnActivities(deps),
    ...createEvaluateActivities(deps),
    ...createIntegrateActivities(deps),
    ...createPromoteActivities(deps),
  };
}
