import { newEvent } from "../domain/event-data.ts";
import { recordArtifact } from "../persistence/artifacts.ts";
import type { ControlActivities } from "./contract.ts";
import type { ActivityDeps } from "./deps.ts";
import { decomposedData } from "./plan.ts";
import { loadPlan } from "./project.ts";
import { record } from "./transaction.ts";

type PlanApprovalActivities = Pick<ControlActivities, "openPlanApproval" | "closePlanApproval">;

export function createPlanApprovalActivities(deps: ActivityDeps): PlanApprovalActivities {
  const { db, log } = deps;
  return {
    async openPlanApproval({ project_id, plan, revision }) {
      const key = `plan/approval/${revision}/requested`;
      const event = newEvent(key, "kamachiq.plan.approval_requested", project_id, { revision, plan });
      await record(db, project_id, [event], async (tx, fresh) => {
        if (!fresh) return;
        const row = { project_id, revision, plan: JSON.stringify(plan), state: "open" as const };
        await tx.insertInto("plan_approvals").values(row).execute();
      });
      log(project_id).info({ revision, plan: plan.digest }, "a person is asked to approve the plan");
    },

    async closePlanApproval({ project_id, plan, revision, answer }) {
      const { decision, actor, comment, plan: next } = answer;
      const key = `plan/approval/${revision}/decided`;
      const data = { revision, plan, decision, actor, comment };
      const events = [newEvent(key, "kamachiq.plan.approval_decided", project_id, data)];
      if (next !== null) {
        const revised = decomposedData(await loadPlan(deps, next), next);
        events.push(newEvent(`plan/decomposed/${revision + 1}`, "kamachiq.plan.decomposed", project_id, revised));
      }
      await record(db, project_id, events, async (tx, fresh) => {
        if (!fresh) return;
        await tx
          .updateTable("plan_approvals")
          .set({ state: decision, decided_at: new Date(), decided_by: actor, comment })
          .where("project_id", "=", project_id)
          .where("revision", "=", revision)
          .execute();
        if (next === null) return;
        await tx
          .updateTable("projects")
          .set({ plan: JSON.stringify(next) })
          .where("id", "=", project_id)
          .execute();
        await recordArtifact(tx, project_id, "plan", `revision/${revision + 1}`, next);
      });
      log(project_id).info({ revision, decision, actor, comment }, "plan decided");
    },
  };
}
