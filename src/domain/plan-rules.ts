import { Cron } from "croner";
import { capsuleMissing, type GraphCatalogue, type GraphReport, nameProblem, validateGraph } from "./graph.ts";
import { criticalPath } from "./graph-order.ts";
import { structureOf } from "./graph-structure.ts";
import type { Plan, PlannerOutput } from "./plan.ts";

type Planned = Pick<Plan, "deliverables" | "graphs">;

export interface PlanReport {
  /** Empty for a plan that can be carried out. Each names the deliverable, its tasks and the way out. */
  problems: string[];
  /** By deliverable. */
  graphs: Record<string, GraphReport>;
}

/** The rules of a whole plan: of its deliverables among each other, and of each one's graph. Never throws. */
export function validatePlan(plan: Planned, catalogue: GraphCatalogue = {}): PlanReport {
  const problems: string[] = [];
  structureOf(plan.deliverables, "deliverable", problems);
  const graphs: Record<string, GraphReport> = {};
  for (const deliverable of plan.deliverables) {
    const { id, capsule, budget_tokens, schedule } = deliverable;
    const graph = plan.graphs[id];
    problems.push(...scheduleProblems(id, schedule));
    if (graph === undefined) {
      problems.push(`Deliverable "${id}" has no task graph; give it one, or a capsule that makes one.`);
      continue;
    }
    const report = validateGraph(graph, capsule === undefined ? catalogue : { ...catalogue, within: capsule });
    problems.push(...report.problems.map((problem) => `${id}: ${problem}`));
    if (graph.budget_total > budget_tokens) {
      problems.push(
        `${id}: The graph's budget is ${graph.budget_total} tokens, and the deliverable's is ${budget_tokens}; lower the first or raise the second.`,
      );
    }
    graphs[id] = report;
  }
  return { problems, graphs };
}

/** What is said of a planner output, whose deliverables have no graphs yet. Weights are their budgets, in tokens. */
export type OutputReport = Pick<
  GraphReport,
  "problems" | "order" | "waves" | "widest_wave" | "critical_path" | "estimated_tokens"
>;

/** The rules of a planner output: names, dependencies, schedules. Never throws. */
export function validateOutput({ deliverables }: PlannerOutput, catalogue: GraphCatalogue = {}): OutputReport {
  const problems: string[] = [];
  const { indexed, waves } = structureOf(deliverables, "deliverable", problems);
  for (const deliverable of deliverables) {
    const { id, capsule, schedule } = deliverable;
    const said = `Deliverable "${id}"`;
    const wrong = nameProblem(deliverable, catalogue, said);
    if (wrong !== undefined) problems.push(wrong);
    const { capsules } = catalogue;
    if (capsule !== undefined && capsules !== undefined && !capsules.has(capsule))
      problems.push(capsuleMissing(said, capsule, capsules));
    problems.push(...scheduleProblems(id, schedule));
  }
  const weights = deliverables.map(({ budget_tokens }) => budget_tokens);
  const name = (position: number): string => deliverables[position]?.id ?? "";
  const order = waves.flat();
  return {
    problems,
    order: order.map(name),
    waves: waves.map((wave) => wave.map(name)),
    widest_wave: waves.reduce((widest, wave) => Math.max(widest, wave.length), 0),
    critical_path: criticalPath(indexed, order, weights).path.map(name),
    estimated_tokens: weights.reduce((sum, weight) => sum + weight, 0),
  };
}

/** Five fields, as Temporal takes them; a date that never comes is refused too. */
export function scheduleProblems(id: string, schedule: string | undefined): string[] {
  if (schedule === undefined) return [];
  const said = `Deliverable "${id}": its schedule ${JSON.stringify(schedule)}`;
  if (schedule.trim().split(/\s+/).length !== 5)
    return [`${said} has not five fields; write minute, hour, day, month and weekday, as in "0 6 * * 1".`];
  try {
    const cron = new Cron(schedule, { paused: true, timezone: "UTC", mode: "5-part" });
    return cron.nextRun() === null ? [`${said} never comes; name days that there are.`] : [];
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^CronPattern: /, "") : String(error);
    return [`${said} is not cron: ${why}`];
  }
}
