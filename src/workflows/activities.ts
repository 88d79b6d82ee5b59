import { proxyActivities, proxyLocalActivities, type ActivityOptions } from "@temporalio/workflow";
import type { AgentActivities, ControlActivities } from "../activities/contract.ts";
import { agentsQueue } from "./messages.ts";

/** What fails for good says so itself (non-retryable); anything else is an outage and is waited for. */
const OUTAGE = { initialInterval: "200 milliseconds", maximumInterval: "5 seconds" } as const;

/** Small reads and writes of the database run inside the workflow task: no round trip through a queue. */
export const records = proxyLocalActivities<ControlActivities>({
  startToCloseTimeout: "30 seconds",
  localRetryThreshold: "30 seconds",
  retry: OUTAGE,
});

/** Times as in the sprint: decompose 5 minutes, validate 2, finalize 5. */
export const planning = proxyActivities<Pick<ControlActivities, "decomposeProject">>({
  startToCloseTimeout: "5 minutes",
  heartbeatTimeout: "10 seconds",
  retry: OUTAGE,
});
export const validation = proxyActivities<Pick<ControlActivities, "validateTaskGraph">>({
  startToCloseTimeout: "2 minutes",
  heartbeatTimeout: "10 seconds",
  retry: OUTAGE,
});
export const completion = proxyActivities<Pick<ControlActivities, "reviewGovernance" | "finalizeProject">>({
  startToCloseTimeout: "5 minutes",
  heartbeatTimeout: "10 seconds",
  retry: OUTAGE,
});

export interface Regional {
  steps: Omit<AgentActivities, "spawnAgent">;
  agents: Pick<AgentActivities, "spawnAgent">;
}

/** Activities of a region; only workers that poll there see its data. */
export function regional(region: string): Regional {
  const common: ActivityOptions = {
    taskQueue: agentsQueue(region),
    heartbeatTimeout: "10 seconds",
    cancellationType: "WAIT_CANCELLATION_COMPLETED",
  };
  return {
    steps: proxyActivities({ ...common, startToCloseTimeout: "10 minutes", retry: OUTAGE }),
    // How often an agent may fail is counted by the activity: an outage is no failure of the agent.
    agents: proxyActivities({ ...common, startToCloseTimeout: "2 hours", retry: OUTAGE }),
  };
}
