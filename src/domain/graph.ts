import { isId } from "./ids.ts";
import { criticalPath, type Indexed, layer } from "./graph-order.ts";
import { conditionProblems } from "./graph-conditions.ts";
import { findOverlaps } from "./graph-ownership.ts";
import { GRAPH_LIMITS, type GraphLimits } from "./graph-limits.ts";
import { index, report, structureOf } from "./graph-structure.ts";
import type { TaskGraph, TaskNode } from "./plan.ts";

/** What plans may refer to. A list that is left out is not checked. */
export interface GraphCatalogue {
  personas?: ReadonlySet<string>;
  tools?: ReadonlySet<string>;
  /** Capsules by id, each with all that it is composed of, however deep. */
  capsules?: ReadonlyMap<string, ReadonlySet<string>>;
  /** The capsule whose graph this is: one inside it may not lead back to it. */
  within?: string;
  /** GRAPH_LIMITS when left out. */
  limits?: GraphLimits;
}

export interface GraphReport {
  /** Empty for a graph that can run. Each names its nodes and the way out. */
  problems: string[];
  /** Dependencies that were added because the graph puts owners of the same paths in order. */
  added: { task: string; dependency: string }[];
  /** Ids in an order in which every task comes after its dependencies. Without the tasks that a cycle holds back. */
  order: string[];
  /** Ids that could run at once if there were no limit on agents. */
  waves: string[][];
  widest_wave: number;
  /** The chain of tasks that takes longest. */
  critical_path: string[];
  critical_path_seconds: number;
  /** Sum of the nodes' estimates. */
  estimated_tokens: number;
}

/**
 * The graph's rules, all problems at once, in time and memory linear in nodes and edges. Never throws. Of a graph whose
 * `ownership` is `order`, everything is said of `orderOwners(graph)`.
 */
export function validateGraph(graph: TaskGraph, catalogue: GraphCatalogue = {}): GraphReport {
  if (graph.ownership !== "order") return check(graph, catalogue);
  const { graph: ordered, added } = orderOwners(graph);
  return { ...check(ordered, catalogue), added };
}

/**
 * The graph in which tasks that claim the same paths wait for each other, in the order in which they could start; then
 * its `ownership` is `error` again, and what can't be put in order is one. A graph with a cycle comes back as it is.
 */
export function orderOwners(graph: TaskGraph): { graph: TaskGraph; added: GraphReport["added"] } {
  const settled: TaskGraph = { ...graph, ownership: "error" };
  const indexed = index(graph.nodes, "task", []);
  const { waves, held } = layer(indexed);
  const paths = graph.nodes.map((node) => node.paths);
  const overlaps = held.length > 0 ? null : findOverlaps(indexed, waves.flat(), paths);
  if (overlaps === null || overlaps.length === 0) return { graph: settled, added: [] };
  const nodes = graph.nodes.map((node) => ({ ...node, dependencies: [...node.dependencies] }));
  const added = overlaps.flatMap(({ a, b }) => {
    const [task, dependency] = [nodes[b], nodes[a]?.id];
    if (task === undefined || dependency === undefined) return [];
    task.dependencies.push(dependency);
    return [{ task: task.id, dependency }];
  });
  return { graph: { ...settled, nodes }, added };
}

function check(graph: TaskGraph, catalogue: GraphCatalogue): GraphReport {
  const { nodes } = graph;
  const limits = catalogue.limits ?? GRAPH_LIMITS;
  const edges = nodes.reduce((sum, node) => sum + node.dependencies.length, 0);
  const estimated_tokens = nodes.reduce((sum, node) => sum + node.estimated_tokens, 0);
  const tooLarge = [
    ...(nodes.length > limits.nodes_max
      ? [`The graph has ${nodes.length} tasks, more than ${limits.nodes_max}; split it, or raise limits.graph_nodes.`]
      : []),
    ...(edges > limits.edges_max
      ? [`The graph has ${edges} dependencies, more than ${limits.edges_max}; split it, or raise limits.graph_edges.`]
      : []),
  ];
  if (tooLarge.length > 0) return { ...NOTHING, problems: tooLarge, estimated_tokens };

  const problems: string[] = [];
  const { indexed, waves, held } = structureOf(nodes, "task", problems);
  const order = waves.flat();
  const name = (position: number): string => nodes[position]?.id ?? "";
  report(problems, nodes, (node) => nodeProblem(node, catalogue));
  report(
    problems,
    orphans(nodes, indexed),
    (id) => `Task "${id}": nothing needs it and it owns no path, so it delivers nothing; name its paths or remove it.`,
  );
  if (estimated_tokens > graph.budget_total) {
    problems.push(
      `The tasks' estimates sum to ${estimated_tokens} tokens, and the budget is ${graph.budget_total}; raise the budget or plan less.`,
    );
  }
  if (held.length === 0) report(problems, conditionProblems(nodes, indexed, order), (text) => text);
  if (held.length === 0 && graph.ownership === "error") ownership(problems, indexed, order, nodes);
  const critical = criticalPath(
    indexed,
    order,
    nodes.map((node) => node.estimated_seconds),
  );
  return {
    problems,
    added: [],
    order: order.map(name),
    waves: waves.map((wave) => wave.map(name)),
    widest_wave: waves.reduce((widest, wave) => Math.max(widest, wave.length), 0),
    critical_path: critical.path.map(name),
    critical_path_seconds: critical.length,
    estimated_tokens,
  };
}

const NOTHING = { added: [], order: [], waves: [], widest_wave: 0, critical_path: [], critical_path_seconds: 0 };

/** Whether persona, tools and, for something that is a capsule, the capsule exist. `said` names who wants them. */
export function nameProblem(
  { persona, tools }: { persona: string; tools: readonly string[] },
  catalogue: GraphCatalogue,
  said: string,
): string | undefined {
  if (catalogue.personas !== undefined && !catalogue.personas.has(persona))
    return `${said} wants the persona "${persona}", which does not exist; there are: ${[...catalogue.personas].join(", ")}.`;
  const known = catalogue.tools;
  const unknown = known === undefined ? undefined : tools.find((tool) => !known.has(tool));
  if (known === undefined || unknown === undefined) return undefined;
  return `${said} wants the tool "${unknown}", which does not exist; there are: ${[...known].join(", ")}.`;
}

function nodeProblem(node: TaskNode, catalogue: GraphCatalogue): string | undefined {
  const said = `Task ${JSON.stringify(node.id)}`;
  if (!isId(node.id)) return `${said}: the id must be 1 to 64 characters of a-z, 0-9, ".", "_" and "-".`;
  if (node.success_criteria.length === 0) return `${said} has no success criterion; say how to know that it is done.`;
  const ids = node.success_criteria.map(({ id }) => id);
  const twice = ids.find((id, position) => ids.indexOf(id) !== position);
  if (twice !== undefined) return `${said} has the success criterion "${twice}" twice; give each an id of its own.`;
  return nameProblem(node, catalogue, said) ?? nestingProblem(node, catalogue, said);
}

export function capsuleMissing(said: string, capsule: string, capsules: ReadonlyMap<string, unknown>): string {
  return `${said} wants the capsule "${capsule}", which does not exist; there are: ${[...capsules.keys()].join(", ")}.`;
}

function nestingProblem({ type, capsule }: TaskNode, catalogue: GraphCatalogue, said: string): string | undefined {
  const { capsules, within } = catalogue;
  if (type !== "capsule")
    return capsule === undefined
      ? undefined
      : `${said} names a capsule, but is of type ${type}; make it a capsule task.`;
  if (capsule === undefined) return `${said} is a capsule, and names none; say which as "capsule".`;
  const inside = capsules?.get(capsule);
  if (capsules !== undefined && inside === undefined) return capsuleMissing(said, capsule, capsules);
  if (within === undefined || (capsule !== within && inside?.has(within) !== true)) return undefined;
  return `${said} makes the capsule "${within}" part of itself, by way of "${capsule}"; a capsule can't contain itself.`;
}

/** A review delivers its verdict and a capsule its own graph; everything else delivers files or serves another task. */
function orphans(nodes: readonly TaskNode[], { downstream }: Indexed): string[] {
  return nodes.flatMap((node, position) =>
    node.paths.length === 0 && node.type !== "review" && node.type !== "capsule" && downstream[position]?.length === 0
      ? [node.id]
      : [],
  );
}

function ownership(problems: string[], indexed: Indexed, order: readonly number[], nodes: readonly TaskNode[]): void {
  const overlaps = findOverlaps(
    indexed,
    order,
    nodes.map((node) => node.paths),
  );
  if (overlaps === null) {
    problems.push("Too many tasks claim paths with wildcards that cover each other's; name narrower paths.");
    return;
  }
  report(problems, overlaps, ({ a, b, claims: [mine, theirs] }) => {
    const path = mine === theirs ? `"${mine}"` : `"${mine}" and "${theirs}", which overlap`;
    return `Tasks "${nodes[a]?.id}" and "${nodes[b]?.id}" may run at once and claim ${path}; make one depend on the other or split the path.`;
  });
}
