import { findCycles, type Indexed, layer } from "./graph-order.ts";
import { nearest } from "./nearest.ts";

/** Problems reported of one kind; beyond it their number is. */
const REPORTED_MAX = 20;
/** Edit distances are only worth their time in graphs that a person may have written. */
const SUGGEST_NODES_MAX = 200;

/** What depends on others by id: a task in its graph, a deliverable in its plan. */
interface Named {
  id: string;
  dependencies: readonly string[];
}
type Noun = "task" | "deliverable";

/** Edges and waves; duplicates, edges that lead nowhere and cycles are added to `problems`. Linear. */
export function structureOf(
  nodes: readonly Named[],
  noun: Noun,
  problems: string[],
): { indexed: Indexed; waves: number[][]; held: number[] } {
  const indexed = index(nodes, noun, problems);
  const { waves, held } = layer(indexed);
  report(problems, findCycles(indexed, held), (cycle) =>
    describeCycle(
      cycle.map((position) => nodes[position]?.id ?? ""),
      noun,
    ),
  );
  return { indexed, waves, held };
}

/** Adds what `explain` finds, at most 20 lines and then their number. */
export function report<T>(problems: string[], items: readonly T[], explain: (item: T) => string | undefined): void {
  const found = items.flatMap((item) => explain(item) ?? []);
  problems.push(...found.slice(0, REPORTED_MAX));
  if (found.length > REPORTED_MAX) problems.push(`… and ${found.length - REPORTED_MAX} more like the last one.`);
}

/** Edges by position. An edge that can't be followed is reported and left out. */
export function index(nodes: readonly Named[], noun: Noun, problems: string[]): Indexed {
  const said = noun === "task" ? "Task" : "Deliverable";
  const positions = new Map<string, number>();
  const duplicates: string[] = [];
  for (const [position, { id }] of nodes.entries()) {
    if (positions.has(id)) duplicates.push(`${said} "${id}" is there twice; give each ${noun} an id of its own.`);
    else positions.set(id, position);
  }
  const upstream: number[][] = nodes.map(() => []);
  const downstream: number[][] = nodes.map(() => []);
  const edges: string[] = [];
  for (const [position, node] of nodes.entries()) {
    const seen = new Set<string>();
    for (const dependency of node.dependencies) {
      const from = positions.get(dependency);
      if (dependency === node.id) edges.push(`${said} "${node.id}" depends on itself; remove that dependency.`);
      else if (seen.has(dependency))
        edges.push(`${said} "${node.id}" names the dependency "${dependency}" twice; keep one.`);
      else if (from === undefined) edges.push(unknownDependency(`${said} "${node.id}"`, dependency, nodes, noun));
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

function unknownDependency(said: string, dependency: string, nodes: readonly Named[], noun: Noun): string {
  const guess =
    nodes.length > SUGGEST_NODES_MAX
      ? undefined
      : nearest(
          dependency,
          nodes.map((node) => node.id),
        );
  const way = guess === undefined ? `add that ${noun} or remove the dependency.` : `did you mean "${guess}"?`;
  return `${said} depends on "${dependency}", which is not in the graph; ${way}`;
}

/** Follows dependencies, so it is turned round to read in the order of running. */
function describeCycle(ids: string[], noun: Noun): string {
  const cycle = [...ids].reverse();
  return `The ${noun}s ${[...cycle, cycle[0]].join(" → ")} wait for each other; remove one of these dependencies.`;
}
