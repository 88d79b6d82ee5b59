import { type Condition, type OutcomeField, parseCondition, type TaskOutcome } from "./condition.ts";
import type { Indexed } from "./graph-order.ts";
import type { TaskNode } from "./plan.ts";

/** Conditions that are weighed against each other at once, and cases that are tried for them; beyond it nothing is said. */
const GATES_MAX = 8;
const CASES_MAX = 4_096;
/** Cases that are tried for one graph. */
const EFFORT_MAX = 200_000;
/** Values that a score is distinguished by. */
const EPSILON = 1e-6;

interface Gated {
  nodes: readonly TaskNode[];
  upstream: readonly number[][];
  positions: ReadonlyMap<string, number>;
  conditions: ReadonlyMap<number, Condition>;
}

/**
 * Problems of the graph's `when` conditions: what they can't read, and tasks that no outcome lets run. A task with a
 * condition is asked when all its dependencies have ended; one without runs only if all of them ran.
 */
export function conditionProblems(
  nodes: readonly TaskNode[],
  { upstream }: Indexed,
  order: readonly number[],
): string[] {
  if (!nodes.some(({ when }) => when !== undefined)) return [];
  const positions = new Map(nodes.map(({ id }, position) => [id, position]));
  const conditions = new Map<number, Condition>();
  const problems: string[] = [];
  for (const [position, { id, when }] of nodes.entries()) {
    if (when === undefined) continue;
    const condition = parseCondition(when);
    if (typeof condition === "string") problems.push(`Task "${id}": its condition ${condition}.`);
    else conditions.set(position, condition);
  }
  if (problems.length > 0) return problems;
  const graph: Gated = { nodes, upstream, positions, conditions };
  problems.push(...undefinedNames(graph));
  return problems.length > 0 ? problems : unreachable(graph, order);
}

/** A condition may ask only what has ended when it is asked: the tasks before it. */
function undefinedNames({ nodes, upstream, positions, conditions }: Gated): string[] {
  return [...conditions].flatMap(([position, { uses }]) => {
    const id = nodes[position]?.id;
    const wanted = [...new Set(uses.map(({ task }) => task))];
    const before = ancestorsAmong(position, upstream, new Set(wanted.flatMap((task) => positions.get(task) ?? [])));
    return wanted.flatMap((task) => {
      const at = positions.get(task);
      if (at === undefined) return [`Task "${id}": its condition names "${task}", which is not in the graph.`];
      if (before.has(at)) return [];
      return [`Task "${id}": its condition asks "${task}", which need not have ended; make it a dependency.`];
    });
  });
}

/** Which of `wanted` are somewhere before `position`. */
function ancestorsAmong(position: number, upstream: readonly number[][], wanted: ReadonlySet<number>): Set<number> {
  const found = new Set<number>();
  const seen = new Set<number>();
  const open = [...(upstream[position] ?? [])];
  for (let node = open.pop(); node !== undefined && found.size < wanted.size; node = open.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    if (wanted.has(node)) found.add(node);
    open.push(...(upstream[node] ?? []));
  }
  return found;
}

/** What decides whether a node runs: the conditions that must hold themselves, and all that those look back on. */
interface Gates {
  needs: ReadonlySet<number>;
  all: ReadonlySet<number>;
}

function unreachable(graph: Gated, order: readonly number[]): string[] {
  const { nodes } = graph;
  /** Null: too many to tell, or already reported. */
  const gates: (Gates | null)[] = [];
  const problems: string[] = [];
  let effort = EFFORT_MAX;
  for (const position of order) {
    const { own, judge } = gatesOf(graph, position, gates);
    gates[position] = own;
    if (own === null || !judge) continue;
    const cases = casesFor(graph, own.all);
    if (cases === null || cases.length > effort) continue;
    effort -= cases.length;
    if (cases.some((values) => allHold(graph, gates, own.needs, values))) continue;
    const others = [...own.all].filter((node) => node !== position).map((node) => `"${nodes[node]?.id}"`);
    const because = others.length === 0 ? "" : `, with what decides on ${others.join(", ")}`;
    problems.push(
      `Task "${nodes[position]?.id}" can never run: no outcome lets it${because}; mend its conditions or remove it.`,
    );
    gates[position] = null; // what depends on it can't run either, and is not worth a line each
  }
  return problems;
}

/** A node is judged where conditions come together; elsewhere it runs exactly when a node before it does. */
function gatesOf(
  { conditions, positions, upstream }: Gated,
  position: number,
  gates: readonly (Gates | null)[],
): { own: Gates | null; judge: boolean } {
  const condition = conditions.get(position);
  const asked = condition?.uses.flatMap(({ task }) => positions.get(task) ?? []) ?? upstream[position] ?? [];
  const before = [...new Set(asked)].map((node) => gates[node]);
  if (before.includes(null)) return { own: null, judge: false };
  const sets = before.filter((one) => one !== undefined && one !== null);
  const all = new Set(sets.flatMap((one) => [...one.all]));
  const needs = condition === undefined ? new Set(sets.flatMap((one) => [...one.needs])) : new Set([position]);
  if (condition !== undefined) all.add(position);
  if (all.size > GATES_MAX) return { own: null, judge: false };
  return {
    own: { needs, all },
    judge: all.size > 0 && (condition !== undefined || sets.every((one) => one.needs.size < needs.size)),
  };
}

type Values = ReadonlyMap<string, TaskOutcome>;

const SKIPPED: TaskOutcome = { state: "skipped", score: 0, attempts: 0, tokens: 0 };

/** Whether these conditions hold when the tasks that they ask, as far as those run, come out as in `values`. */
function allHold(graph: Gated, gates: readonly (Gates | null)[], needs: ReadonlySet<number>, values: Values): boolean {
  return [...needs].every((gate) => {
    const condition = graph.conditions.get(gate) as Condition;
    const outcomes = condition.uses.map(({ task }): [string, TaskOutcome] => {
      const before = gates[graph.positions.get(task) ?? -1]?.needs ?? new Set<number>();
      return [task, allHold(graph, gates, before, values) ? (values.get(task) as TaskOutcome) : SKIPPED];
    });
    return condition.holds(new Map(outcomes));
  });
}

/**
 * Outcomes that tell every two results of the gates' conditions apart, or null when there are too many or a condition
 * compares something else than one field with constants.
 */
function casesFor({ conditions }: Gated, gates: ReadonlySet<number>): Values[] | null {
  const uses = [...gates].flatMap((gate) => conditions.get(gate)?.uses ?? []);
  if (uses.some(({ constants }) => constants === null)) return null;
  const tasks = [...new Set(uses.map(({ task }) => task))];
  let cases: Map<string, TaskOutcome>[] = [new Map()];
  for (const task of tasks) {
    const own = uses.filter((use) => use.task === task);
    const valuesOf = (field: OutcomeField): number[] =>
      own.filter((use) => use.field === field).flatMap(({ constants }) => constants as number[]);
    const outcomes = outcomesOf(valuesOf);
    if (cases.length * outcomes.length > CASES_MAX) return null;
    cases = cases.flatMap((one) => outcomes.map((outcome) => new Map([...one, [task, outcome]])));
  }
  return cases;
}

function outcomesOf(constantsOf: (field: OutcomeField) => number[]): TaskOutcome[] {
  const scores = around(constantsOf("score"), EPSILON).filter((score) => score >= 0 && score <= 1);
  const attempts = around(constantsOf("attempts"), 1).filter((count) => count >= 1 && count <= 3);
  const tokens = around(constantsOf("tokens"), 1).filter((count) => count >= 0);
  return orDefault(scores, 1).flatMap((score) =>
    orDefault(attempts, 1).flatMap((count) =>
      orDefault(tokens, 1).map((used): TaskOutcome => ({ state: "done", score, attempts: count, tokens: used })),
    ),
  );
}

/** Each constant, and what lies just below and above it. */
function around(constants: readonly number[], step: number): number[] {
  return [...new Set(constants.flatMap((value) => [value - step, value, value + step]))];
}

function orDefault(values: readonly number[], value: number): readonly number[] {
  return values.length === 0 ? [value] : values;
}
