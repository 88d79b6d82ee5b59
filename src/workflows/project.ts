import { CancellationScope, condition, isCancellation } from "@temporalio/workflow";
import type { ProjectState } from "../domain/intake.ts";
import type { ProjectResult } from "../domain/result.ts";
import { completion } from "./activities.ts";
import { reasonOf } from "./failures.ts";
import type { ProjectWorkflowInput } from "./messages.ts";
import { ProjectRun } from "./project-run.ts";
import { release } from "./stages/complete.ts";
import { executeGraph } from "./stages/execute.ts";
import { govern } from "./stages/govern.ts";
import { planProject } from "./stages/plan.ts";
import { askPolicy } from "./stages/policy.ts";
import { provisionAllowed } from "./stages/provision.ts";
import { reviewWhole } from "./stages/review.ts";

interface Outcome {
  state: ProjectState;
  reason: string | null;
}

/** A spec goes in, a delivered repository comes out: intake → plan → policy → provision → execute → review → govern → complete. */
export async function KamachiqProjectWorkflow(input: ProjectWorkflowInput): Promise<ProjectResult> {
  const run = new ProjectRun(input);
  let outcome: Outcome;
  try {
    outcome = await run.scope.run(() => deliver(run));
  } catch (error) {
    outcome = isCancellation(error)
      ? (run.ending ?? { state: "cancelled", reason: "cancelled through Temporal" })
      : { state: "failed", reason: reasonOf(error) };
  }
  return CancellationScope.nonCancellable(async () => {
    await run.steps.cleanUp({ project_id: run.project_id });
    return completion.finalizeProject({ project_id: run.project_id, ...outcome });
  });
}

async function deliver(run: ProjectRun): Promise<Outcome> {
  inBackground(run.reportState());
  const plan = await planProject(run);
  inBackground(watchDeadline(run, plan.timeout_minutes * 60_000));
  const decisions = await askPolicy(run, plan);
  await provisionAllowed(run, decisions);
  const ends = await executeGraph(run, plan, decisions);
  const graded = await reviewWhole(run, ends);
  const objection = graded.length > 0 ? await govern(run) : null;
  const approved = graded.filter((deliverable) => deliverable.approved);
  const refused = objection === null && approved.length > 0 ? await release(run, approved) : null;

  const failures = [...ends.filter((end) => !end.succeeded), ...graded.filter((deliverable) => !deliverable.approved)];
  const reasons = [...failures.map(({ id, reason }) => `${id}: ${reason ?? "failed"}`), objection, refused].filter(
    (reason) => reason !== null,
  );
  if (reasons.length === 0) return { state: "delivered", reason: null };
  const released = objection === null && refused === null && approved.length > 0;
  return { state: released ? "partial" : "failed", reason: reasons.join(" · ") };
}

/** Runs beside the stages until their scope ends; any failure but that fails the workflow task, visibly. */
function inBackground(work: Promise<void>): void {
  void work.catch((error: unknown) => {
    if (!isCancellation(error)) throw error;
  });
}

/** Ends the project when it has worked for too long; while only people are awaited the clock stands still. */
async function watchDeadline(run: ProjectRun, limit_ms: number): Promise<void> {
  let left_ms = limit_ms;
  for (;;) {
    await condition(() => !run.idle);
    const since = Date.now();
    if (!(await condition(() => run.idle, left_ms))) break;
    left_ms -= Date.now() - since;
  }
  await run.end("partial", `the deadline of ${limit_ms / 60_000} minutes of work has passed`);
}
