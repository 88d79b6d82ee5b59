import { isId } from "./ids.ts";
import { criticalPath, findCycles, type Indexed, layer } from "./graph-order.ts";
import { findOverlaps } from "./graph-ownership.ts";
import { nearest } from "./nearest.ts";
import type { TaskGraph, TaskNode } from "./plan.ts";

export const GRAPH_LIMITS = { nodes_max: 10_000, edges_max: 100_000 };
/** Problems reported of one kind; beyond it their number is. */
const REPORTED_MAX = 20;
/** Edit distances are only worth their time in graphs that a person may have written. */
const SUGGEST_NODES_MAX = 200;

/** What plans may refer to. A list that is left out is not checked. */
export interface GraphCatalogue {
  personas?: ReadonlySet<string>;
  tools?: ReadonlySet<string>;
  limits?: { nodes_max: number; edges_max: number };
}

export interface GraphReport {
  /** Empty for a graph that can run. Each names its nodes and the way out. */
  problems: string[];
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

/** The graph's rules, all problems at once, in time and memory linear in nodes and edges. Never throws. */
export function validateGraph(graph: TaskGraph, catalogue: GraphCatalogue = {}): GraphReport {
  const { nodes } = graph;
  const limits = catalogue.limits ?? GRAPH_LIMITS;
  const edges = nodes.reduce((sum, node) => sum + node.dependencies.length, 0);
  const estimated_tokens = nodes.reduce((sum, node) => sum + node.estimated_tokens, 0);
  const tooLarge = [
    ...(nodes.length > limits.nodes_max
      ? [`The graph has ${nodes.length} tasks, more than ${limits.nodes_max}; split it.`]
      : []),
    ...(edges > limits.edges_max
      ? [`The graph has ${edges} dependencies, more than ${limits.edges_max}; split it.`]
      : []),
  ];
  if (tooLarge.length > 0) return { ...NOTHING, problems: tooLarge, estimated_tokens };

  const problems: string[] = [];
  const indexed = index(nodes, problems);
  const { waves, held } = layer(indexed);
  const order = waves.flat();
  const name = (position: number): string => nodes[position]?.id ?? "";
  report(problems, findCycles(indexed, held), (cycle) => describeCycle(cycle.map(name)));
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
  if (held.length === 0) ownership(problems, indexed, order, nodes);
  const critical = criticalPath(
    indexed,
    order,
    nodes.map((node) => node.estimated_seconds),
  );
  return {
    problems,
    order: order.map(name),
    waves: waves.map((wave) => wave.map(name)),
    widest_wave: waves.reduce((widest, wave) => Math.max(widest, wave.length), 0),
    critical_path: critical.path.map(name),
    critical_path_seconds: critical.length,
    estimated_tokens,
  };
}

const NOTHING = { order: [], waves: [], widest_wave: 0, critical_path: [], critical_path_seconds: 0 };

function report<T>(problems: string[], items: readonly T[], explain: (item: T) => string | undefined): void {
  const found = items.flatMap((item) => explain(item) ?? []);
  problems.push(...found.slice(0, REPORTED_MAX));
  if (found.length > REPORTED_MAX) problems.push(`… and ${found.length - REPORTED_MAX} more like the last one.`);
}

/** Edges by position. An edge that can't be followed is reported and left out. */
function index(nodes: readonly TaskNode[], problems: string[]): Indexed {
  const positions = new Map<string, number>();
  const duplicates: string[] = [];
  for (const [position, { id }] of nodes.entries()) {
    if (positions.has(id)) duplicates.push(`Task "${id}" is there twice; give each task an id of its own.`);
    else positions.set(id, position);
  }
  const upstream: number[][] = nodes.map(() => []);
  const downstream: number[][] = nodes.map(() => []);
  const edges: string[] = [];
  for (const [position, node] of nodes.entries()) {
    const seen = new Set<string>();
    for (const dependency of node.dependencies) {
      const from = positions.get(dependency);
      if (dependency === node.id) edges.push(`Task "${node.id}" depends on itself; remove that dependency.`);
      else if (seen.has(dependency))
        edges.push(`Task "${node.id}" names the dependency "${dependency}" twice; keep one.`);
      else if (from === undefined) edges.push(unknownDependency(node.id, dependency, nodes));
      else {
        upstream[position]?.push(from);
        downstream[from]?.push(position);
      }
      seen.add(dependency);
    }
  }
  report(problems, duplicates, (text) => text);
  report(problems, edges, (text) => text);
  return { upstream, downstream };
}

function unknownDependency(id: string, dependency: string, nodes: readonly TaskNode[]): string {
  const guess =
    nodes.length > SUGGEST_NODES_MAX
      ? undefined
      : nearest(
          dependency,
          nodes.map((node) => node.id),
        );
  const way = guess === undefined ? "add that task or remove the dependency." : `did you mean "${guess}"?`;
  return `Task "${id}" depends on "${dependency}", which is not in the graph; ${way}`;
}

/** Follows dependencies, so it is turned round to read in the order of running. */
function describeCycle(ids: string[]): string {
  const cycle = [...ids].reverse();
  return `The tasks ${[...cycle, cycle[0]].join(" → ")} wait for each other; remove one of these dependencies.`;
}

function nodeProblem(node: TaskNode, { personas, tools }: GraphCatalogue): string | undefined {
  const said = `Task ${JSON.stringify(node.id)}`;
  if (!isId(node.id)) return `${said}: the id must be 1 to 64 characters of a-z, 0-9, ".", "_" and "-".`;
  if (node.success_criteria.length === 0) return `${said} has no success criterion; say how to know that it is done.`;
  const ids = node.success_criteria.map(({ id }) => id);
  const twice = ids.find((id, position) => ids.indexOf(id) !== position);
  if (twice !== undefined) return `${said} has the success criterion "${twice}" twice; give each an id of its own.`;
  if (personas !== undefined && !personas.has(node.persona)) {
    return `${said} wants the persona "${node.persona}", which does not exist; there are: ${[...personas].join(", ")}.`;
  }
  const unknown = tools === undefined ? undefined : node.tools.find((tool) => !tools.has(tool));
  if (unknown === undefined) return undefined;
  return `${said} wants the tool "${unknown}", which does not exist; there are: ${[...(tools ?? [])].join(", ")}.`;
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
