import type { TaskSample } from "../domain/estimate.ts";

/** Past tasks that an estimate may learn from; at most so many, so that planning stays quick however long the past is. */
export const SAMPLES_MAX = 2_000;

/** What tasks took when they ran. */
export interface TaskHistory {
  /** The newest tasks of this tenant that this agent did, at most SAMPLES_MAX. */
  recent(tenant: string, agent: string): Promise<TaskSample[]>;
}
