import { Context } from "@temporalio/activity";
import { type EventData, newEvent } from "../domain/event-data.ts";
import type { ArtifactRef } from "../domain/ids.ts";
import { InputError } from "../domain/errors.ts";
import { ATTEMPT_MARGIN, QUALITY_ATTEMPTS_MAX } from "../domain/execute.ts";
import type { GraphReport } from "../domain/graph.ts";
import { validatePlan } from "../domain/plan-rules.ts";
import type { GraphLimits } from "../domain/graph-limits.ts";
import { type ProjectSpec, withoutAcceptance } from "../domain/intake.ts";
import type { Plan, TaskGraph } from "../domain/plan.ts";
import { PlanningError, type PlanningSpend } from "../domain/planning.ts";
import { chargePlanning, openBudgets, type PlanningCharge } from "../persistence/ledger.ts";
import { canonicalJson } from "../platform/digest.ts";
import { recordArtifact } from "../persistence/artifacts.ts";
import type { ControlActivities } from "./contract.ts";
import type { ActivityDeps } from "./deps.ts";
import { batches } from "../persistence/batches.ts";
import { loadPlan, loadProject, type Project } from "./project.ts";
import { record } from "./transaction.ts";

/** Rows of one statement: PostgreSQL takes 65,535 parameters. */
const ROWS_MAX = 1_000;

type PlanActivities = Pick<ControlActivities, "decomposeProject" | "validateTaskGraph">;

export function createPlanActivities(deps: ActivityDeps): PlanActivities {
  const { db, artifacts, log } = deps;
  return {
    async decomposeProject({ project_id }) {
      const project = await loadProject(deps, project_id);
      // A plan that was given with the project, or one that an earlier try made, stays the plan.
      const plan = project.plan === null ? await makePlan(deps, project) : await loadPlan(deps, project.plan);
      const ref = project.plan ?? (await artifacts.put(canonicalJson(plan), "application/json"));
      const data = decomposedData(plan, ref);
      const event = newEvent("plan/decomposed", "kamachiq.plan.decomposed", project_id, data);
      await record(db, project_id, [event], async (tx, fresh) => {
        if (!fresh) return;
        await tx
          .updateTable("projects")
          .set({ plan: JSON.stringify(ref) })
          .where("id", "=", project_id)
          .execute();
        await recordArtifact(tx, project_id, "plan", project_id, ref);
        if (plan.planning !== undefined) await chargePlanning(tx, project_id, chargeOf(plan.planning, project.spec));
      });
      log(project_id).info({ planner: plan.planner, tasks: data.tasks, plan: ref.digest }, "plan made");
      return { plan: ref };
    },

    async validateTaskGraph({ project_id, plan: ref }) {
      const plan = await loadPlan(deps, ref);
      const { spec } = await loadProject(deps, project_id);
      const reports = checkPlan(plan, deps.graph_limits);
      const event = newEvent("plan/validated", "kamachiq.plan.validated", project_id, {
        plan: ref,
        waves: Math.max(...reports.map((report) => report.waves.length)),
        widest_wave: Math.max(...reports.map((report) => report.widest_wave)),
        critical_path_seconds: Math.max(...reports.map((report) => report.critical_path_seconds)),
        budget_total: spec.budget.tokens,
      });
      await record(db, project_id, [event], async (tx, fresh) => {
        if (!fresh) return;
        await openBudgets(tx, project_id, budgetsOf(plan, spec.budget.tokens));
        for (const rows of batches(taskRows(project_id, plan, reports), ROWS_MAX)) {
          await tx.insertInto("tasks").values(rows).execute();
        }
      });
      return {
        plan: ref,
        deliverables: plan.deliverables.map(({ id, dependencies, budget_tokens }) => ({
          id,
          dependencies,
          budget_tokens,
        })),
        budget_total: spec.budget.tokens,
        timeout_minutes: spec.timeout_minutes,
        quality_threshold: spec.quality_threshold,
        max_concurrency: spec.max_concurrency,
      };
    },
  };
}

/** Makes the plan; what a model took for one that did not come of it is charged and stands in the log. */
async function makePlan(deps: ActivityDeps, { id, spec }: Project): Promise<Plan> {
  const { cancellationSignal, info } = Context.current();
  try {
    return await deps.planner.plan(withoutAcceptance(spec), cancellationSignal);
  } catch (error) {
    if (!(error instanceof PlanningError)) throw error;
    const { code, message, spend } = error;
    const { model, rounds, usage } = spend;
    const data = { code, reason: message.slice(0, 2_000), model, rounds, planning: { ...usage, usd: 0 } };
    const failed = newEvent(`plan/failed/${info.attempt}`, "kamachiq.plan.failed", id, data);
    await record(deps.db, id, [failed], async (tx, fresh) => {
      if (fresh) await chargePlanning(tx, id, chargeOf(spend, spec));
    });
    throw error;
  }
}

function chargeOf({ reserve_tokens, usage }: PlanningSpend, { budget }: ProjectSpec): PlanningCharge {
  const { attempt } = Context.current().info;
  return { attempt, reserve_tokens, project_tokens: budget.tokens, usage: { ...usage, usd: 0 } };
}

/** What the log says of a plan. */
export function decomposedData(plan: Plan, ref: ArtifactRef): EventData<"kamachiq.plan.decomposed"> {
  const { planner, match, deliverables, estimated_tokens } = plan;
  const tasks = Object.values(plan.graphs).reduce((sum, graph) => sum + graph.nodes.length, 0);
  const usage = plan.planning === undefined ? {} : { planning: { ...plan.planning.usage, usd: 0 } };
  return { plan: ref, planner, match, deliverables: deliverables.length, tasks, estimated_tokens, ...usage };
}

/** The plan's rules; throws InputError with all problems at once. Answers the deliverables' reports, in their order. */
export function checkPlan(plan: Plan, limits: GraphLimits): GraphReport[] {
  const { problems, graphs } = validatePlan(plan, { limits });
  if (problems.length > 0)
    throw new InputError("The plan breaks the graph's rules.", { code: "graph_invalid", problems });
  return plan.deliverables.map(({ id }) => graphs[id] as GraphReport);
}

function graphOf(plan: Plan, deliverableId: string): TaskGraph {
  const graph = plan.graphs[deliverableId];
  if (graph === undefined) {
    throw new InputError(`Deliverable ${deliverableId} has no task graph.`, { code: "graph_invalid" });
  }
  return graph;
}

/** The rows that spending is reserved against: project, deliverable, task (all its attempts). */
function budgetsOf(plan: Plan, project_tokens: number): Map<string, number> {
  const limits = new Map([["project", project_tokens]]);
  for (const { id, budget_tokens } of plan.deliverables) {
    limits.set(`deliverable/${id}`, budget_tokens);
    for (const node of graphOf(plan, id).nodes) {
      limits.set(`task/${id}/${node.id}`, Math.ceil(node.estimated_tokens * ATTEMPT_MARGIN) * QUALITY_ATTEMPTS_MAX);
    }
  }
  return limits;
}

function taskRows(project_id: string, plan: Plan, reports: GraphReport[]) {
  return plan.deliverables.flatMap(({ id }, index) => {
    const position = new Map(reports[index]?.order.map((task, at) => [task, at]));
    return graphOf(plan, id).nodes.map((node) => ({
      project_id,
      deliverable_id: id,
      task_id: node.id,
      position: position.get(node.id) ?? 0,
      type: node.type,
      persona: node.persona,
      title: node.description,
      dependencies: JSON.stringify(node.dependencies),
      state: "queued" as const,
      estimated_tokens: node.estimated_tokens,
    }));
  });
}
