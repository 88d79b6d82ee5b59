import type { TaskSample } from "../domain/estimate.ts";

/** Past tasks of one capsule, and of all together, that an estimate may learn from: planning stays quick however long the past is. */
export const SAMPLES_MAX = 400;
/** Capsules that are looked at by name; the tasks of further ones may still be among the newest of all. */
export const CAPSULES_MAX = 20;

/** What tasks took when they ran. */
export interface TaskHistory {
  /**
   * Tasks of this tenant that this agent did: the newest of each of these capsules, and the newest of all, each task
   * once. At most SAMPLES_MAX of each, and CAPSULES_MAX capsules.
   */
  recent(tenant: string, agent: string, capsules: readonly string[]): Promise<TaskSample[]>;
}
