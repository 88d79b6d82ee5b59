import { condition, executeChild, isCancellation } from "@temporalio/workflow";
import type { DecisionSummary } from "../../activities/contract.ts";
import type { DeliverableRef, ValidatedPlan } from "../../domain/plan.ts";
import { Schedule } from "../../domain/schedule.ts";
import { DeliverableWorkflow, type DeliverableResult } from "../deliverable.ts";
import { reasonOf } from "../failures.ts";
import { deliverableWorkflowId } from "../messages.ts";
import type { ProjectRun } from "../project-run.ts";
import { admit } from "./policy.ts";

/** How a deliverable ended, for the stages that follow. */
export interface DeliverableEnd {
  id: string;
  succeeded: boolean;
  reason: string | null;
}

/** Runs the deliverables, each as soon as those it depends on are done; a blocked one waits, the others go on. */
export async function executeGraph(
  run: ProjectRun,
  plan: ValidatedPlan,
  decisions: Map<string, DecisionSummary>,
): Promise<DeliverableEnd[]> {
  await run.enter("execute");
  const schedule = new Schedule(
    plan.deliverables.map(({ id, dependencies, budget_tokens }) => ({ id, dependencies, weight: budget_tokens })),
  );
  const refs = new Map(plan.deliverables.map((deliverable) => [deliverable.id, deliverable]));
  const ends: DeliverableEnd[] = [];
  const failures: unknown[] = [];
  const running = new Map<string, Promise<void>>();
  try {
    while (!schedule.done && failures.length === 0) {
      while (!run.paused && running.size < plan.max_concurrency && schedule.readyCount > 0) {
        const deliverable = refs.get(schedule.next() as string) as DeliverableRef;
        const decision = decisions.get(deliverable.id) as DecisionSummary;
        const work = deliver(run, plan, deliverable, decision, running.size + 1)
          .then((end) => {
            ends.push(end);
            for (const { id } of schedule.complete(end.id, end.succeeded ? "done" : "failed")) {
              ends.push({ id, succeeded: false, reason: `${end.id} did not succeed` });
            }
          })
          .catch((error: unknown) => failures.push(error))
          .finally(() => running.delete(deliverable.id));
        running.set(
          deliverable.id,
          work.then(() => {}),
        );
      }
      const open = running.size;
      await condition(
        () =>
          failures.length > 0 ||
          running.size !== open ||
          (!run.paused && schedule.readyCount > 0 && running.size < plan.max_concurrency),
      );
      await run.shareSlots(plan.max_concurrency, running.keys());
    }
  } finally {
    await Promise.all(running.values()); // also when cancelled: the agents are being stopped
  }
  if (failures.length > 0) throw failures[0];
  return ends;
}

async function deliver(
  run: ProjectRun,
  plan: ValidatedPlan,
  { id }: DeliverableRef,
  first: DecisionSummary,
  sharers: number,
): Promise<DeliverableEnd> {
  run.deliverableStarted(id);
  try {
    const decision = await admit(run, id, first);
    if (!first.allowed) {
      await run.steps.provision({ project_id: run.project_id, deliverable_id: id, decision_id: decision.decision_id });
    }
    const result: DeliverableResult = await executeChild(DeliverableWorkflow, {
      workflowId: deliverableWorkflowId(run.project_id, id),
      args: [
        {
          project_id: run.project_id,
          region: run.region,
          deliverable_id: id,
          plan: plan.plan,
          slots: Math.max(1, Math.floor(plan.max_concurrency / sharers)),
          paused: run.paused,
        },
      ],
      cancellationType: "WAIT_CANCELLATION_COMPLETED",
    });
    const { failed, cut, reasons } = result;
    const more = failed > reasons.length ? ` and ${failed - reasons.length} more` : "";
    return { id, succeeded: failed + cut === 0, reason: failed === 0 ? null : reasons.join("; ") + more };
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { id, succeeded: false, reason: reasonOf(error) };
  } finally {
    run.deliverableEnded(id);
  }
}
