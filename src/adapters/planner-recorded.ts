import { PlanningError, type PlanningSpend } from "../domain/planning.ts";
import type { Db } from "../persistence/database.ts";
import { recordPlanning } from "../persistence/plannings.ts";
import { planDigest } from "../platform/digest.ts";
import type { Planner } from "../ports/planner.ts";

/** Records what every planning with a model cost, also where no plan and no project come of it. */
export function createRecordedPlanner(planner: Planner, db: Db): Planner {
  return {
    name: planner.name,
    async plan(spec, signal) {
      const { tenant, name } = spec;
      const record = (outcome: string, plan_digest: string | null, spend: PlanningSpend): Promise<void> =>
        recordPlanning(db, { tenant, name, outcome, plan_digest }, spend);
      try {
        const plan = await planner.plan(spec, signal);
        if (plan.planning !== undefined) await record("planned", planDigest(plan), plan.planning);
        return plan;
      } catch (error) {
        if (error instanceof PlanningError) await record(error.code, null, error.spend);
        throw error;
      }
    },
  };
}
