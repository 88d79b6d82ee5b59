import { z } from "zod";
import { criticalPath, layer } from "./graph-order.ts";
import { index } from "./graph-structure.ts";
import type { Plan, TaskNode } from "./plan.ts";
import { ESTIMATE_LEVELS, Quantiles, TaskEstimate } from "./task-estimate.ts";

const BASES = ["stated", "prior", "partly", "history"] as const;

/** Of a deliverable, or of a whole plan; each task done at the first attempt. */
export const WorkEstimate = z.object({
  /**
   * The tasks' own, added up. Their ends are added as they are: what makes one task of a project dear, its agent or its
   * machine, makes the others dear too.
   */
  tokens: Quantiles,
  /** Along the chain of tasks that takes longest, if none has to wait for an agent. */
  seconds: Quantiles,
  /** `stated`: the plan says so, not how it knows; `prior`: nothing was measured; `partly`: for some tasks; else `history`. */
  basis: z.enum(BASES),
  /** Different past tasks that it rests on. */
  past_tasks: z.int().nonnegative(),
  /** Planned tasks, and how many of them have run before, under the same minor version of their capsule. */
  tasks: z.int().nonnegative(),
  tasks_seen: z.int().nonnegative(),
  /** Agents that it holds for, one unless somebody has put the plan together. */
  agents: z.array(TaskEstimate.pick({ agent: true, runtime: true })),
});
export type WorkEstimate = z.infer<typeof WorkEstimate>;

interface Weighed {
  id: string;
  dependencies: readonly string[];
  seconds: Quantiles;
}

/** What the plan is expected to take, by deliverable and in total. Linear in tasks and dependencies; never throws. */
export function estimatePlan({ deliverables, graphs }: Pick<Plan, "deliverables" | "graphs">): {
  deliverables: Record<string, WorkEstimate>;
  total: WorkEstimate;
} {
  const parts = deliverables.map(({ id, capsule, dependencies }) => {
    const nodes = graphs[id]?.nodes ?? [];
    const seconds = longest(nodes.map((node) => ({ ...node, seconds: quantilesOf(node).seconds })));
    const made = nodes.map((node) => ({ node, capsule }));
    return { id, dependencies, seconds, made };
  });
  const total = { seconds: longest(parts), made: parts.flatMap(({ made }) => made) };
  return {
    deliverables: Object.fromEntries(parts.map((part) => [part.id, estimateOf(part)])),
    total: estimateOf(total),
  };
}

interface Made {
  node: TaskNode;
  capsule: string | undefined;
}

function estimateOf({ seconds, made }: { seconds: Quantiles; made: readonly Made[] }): WorkEstimate {
  const tokens = mapped((end) => made.reduce((sum, { node }) => sum + quantilesOf(node).tokens[end], 0));
  return { tokens, seconds, basis: basisOf(made), past_tasks: pastTasks(made), ...partsOf(made) };
}

function partsOf(made: readonly Made[]): Pick<WorkEstimate, "tasks" | "tasks_seen" | "agents"> {
  const estimates = made.flatMap(({ node }) => node.estimate ?? []);
  const agents = new Map(estimates.map(({ agent, runtime }) => [agent, { agent, runtime }]));
  const tasks_seen = estimates.filter(({ level }) => level === "task").length;
  return { tasks: made.length, tasks_seen, agents: [...agents.values()] };
}

/** A task that doesn't say what its estimate rests on has no range either. */
function quantilesOf({
  estimate,
  estimated_tokens,
  estimated_seconds,
}: TaskNode): Record<"tokens" | "seconds", Quantiles> {
  return estimate ?? { tokens: mapped(() => estimated_tokens), seconds: mapped(() => estimated_seconds) };
}

function mapped(value: (end: keyof Quantiles) => number): Quantiles {
  return { low: value("low"), likely: value("likely"), high: value("high") };
}

function longest(nodes: readonly Weighed[]): Quantiles {
  const indexed = index(nodes, "task", []);
  const order = layer(indexed).waves.flat();
  return mapped((end) => {
    const { length } = criticalPath(
      indexed,
      order,
      nodes.map(({ seconds }) => seconds[end]),
    );
    return Math.round(length * 10) / 10;
  });
}

function basisOf(made: readonly Made[]): WorkEstimate["basis"] {
  const count = (basis: string): number => made.filter(({ node }) => node.estimate?.basis === basis).length;
  if (count("history") > 0) return count("history") === made.length ? "history" : "partly";
  return count("prior") > 0 ? "prior" : "stated";
}

/** A level holds the ones below it, so that only the widest that was used counts. */
function pastTasks(made: readonly Made[]): number {
  const counted = new Map<string, number>();
  const within = (path: readonly unknown[], from: number): string => JSON.stringify(path.slice(0, from + 1));
  for (const [width, level] of ESTIMATE_LEVELS.entries()) {
    for (const { node, capsule } of made) {
      if (node.estimate?.level !== level) continue;
      const path = [node.type, node.persona, capsule, node.id];
      const wider = ESTIMATE_LEVELS.slice(0, width).some((_, at) => counted.has(within(path, at)));
      if (!wider) counted.set(within(path, width), node.estimate.samples);
    }
  }
  return [...counted.values()].reduce((sum, samples) => sum + samples, 0);
}
