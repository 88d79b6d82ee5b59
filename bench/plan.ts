/**
 * `npm run bench:plan`: validation and ordering of generated graphs (5 dependencies a task; long chains; wide fans), and
 * the plan of the library's largest example from its text to a validated graph. Medians of repeated runs; the growth
 * from 1,000 to 10,000 tasks is a ratio, 10 being linear. Ends with one line of JSON.
 */
import { readdirSync, readFileSync } from "node:fs";
import { loadCapsuleLibrary } from "../src/adapters/capsule-library.ts";
import { createCapsulePlanner } from "../src/adapters/planner-capsule.ts";
import { validateGraph } from "../src/domain/graph.ts";
import { withoutAcceptance } from "../src/domain/intake.ts";
import type { TaskGraph, TaskNode } from "../src/domain/plan.ts";
import { validatePlan } from "../src/domain/plan-rules.ts";
import { parseSpec } from "../src/domain/spec-document.ts";
import { CAPSULES } from "../src/main/paths.ts";

const RUNS = 15;
const EXAMPLES = new URL("../examples/", import.meta.url);

/** Always the same numbers, 0 to 1. Source: the generator of Park and Miller. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

function graphOf(size: number, dependenciesOf: (position: number) => Iterable<number>): TaskGraph {
  const nodes = Array.from({ length: size }, (_, position): TaskNode => {
    return {
      id: `task-${position}`,
      type: "code",
      description: "Generated",
      dependencies: [...new Set(dependenciesOf(position))].map((dependency) => `task-${dependency}`),
      estimated_tokens: 100,
      persona: "developer",
      inputs: {},
      success_criteria: [{ id: "done", text: "It is done" }],
      tools: ["git"],
      paths: [`src/part-${position % 100}/file-${position}.py`],
      checks: ["compile"],
      estimated_seconds: 1 + (position % 10),
    };
  });
  const total = { budget_total: size * 200, timeout_minutes: 60, quality_threshold: 0.8, ownership: "error" as const };
  return { nodes, ...total };
}

const random = numbers(7);
const shapes: Record<string, (size: number) => TaskGraph> = {
  layered: (size) => graphOf(size, (at) => Array.from({ length: Math.min(at, 5) }, () => Math.floor(random() * at))),
  chain: (size) => graphOf(size, (at) => (at === 0 ? [] : [at - 1])),
  fan: (size) => graphOf(size, (at) => (at === 0 ? [] : [0])),
};

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function validated(graph: TaskGraph): { ms: number; heap_mb: number } {
  const times: number[] = [];
  const heaps: number[] = [];
  for (let run = 0; run < RUNS + 3; run += 1) {
    const before = process.memoryUsage().heapUsed;
    const began = performance.now();
    const report = validateGraph(graph);
    times.push(performance.now() - began);
    heaps.push((process.memoryUsage().heapUsed - before) / 1_048_576);
    if (report.problems.length > 0 || report.order.length !== graph.nodes.length) throw new Error(report.problems[0]);
  }
  // A collection in between makes a run's growth small or negative; the largest is the one that had none.
  return { ms: median(times.slice(3)), heap_mb: Math.max(...heaps) };
}

async function largestExample(): Promise<{ name: string; tasks: number; seconds: number }> {
  const plans = [];
  for (const name of readdirSync(EXAMPLES).filter((file) => file.endsWith(".yaml"))) {
    const times: number[] = [];
    let tasks = 0;
    for (let run = 0; run < 3; run += 1) {
      const began = performance.now();
      const spec = parseSpec(readFileSync(new URL(name, EXAMPLES), "utf8"), name);
      const planner = createCapsulePlanner(await loadCapsuleLibrary(CAPSULES));
      const plan = await planner.plan(withoutAcceptance(spec));
      if (validatePlan(plan).problems.length > 0) throw new Error(`${name} has a bad plan`);
      times.push((performance.now() - began) / 1_000);
      tasks = Object.values(plan.graphs).reduce((sum, graph) => sum + graph.nodes.length, 0);
    }
    plans.push({ name, tasks, seconds: median(times) });
  }
  return plans.toSorted((a, b) => b.tasks - a.tasks || b.seconds - a.seconds)[0] as (typeof plans)[0];
}

const figures: Record<string, number> = {};
const round = (value: number, digits = 3): number => Number(value.toFixed(digits));
for (const [shape, generate] of Object.entries(shapes)) {
  for (const size of [100, 1_000, 10_000]) {
    const { ms, heap_mb } = validated(generate(size));
    const key = shape === "layered" ? `${size}` : `${shape}_${size}`;
    figures[`validate_${key}_ms`] = round(ms);
    if (size === 10_000) figures[`validate_${key}_heap_mb`] = round(heap_mb, 1);
    console.log(
      `${shape.padEnd(8)} ${String(size).padStart(6)} tasks  ${ms.toFixed(2).padStart(8)} ms  ${heap_mb.toFixed(1)} MB`,
    );
  }
  const key = shape === "layered" ? "" : `${shape}_`;
  const growth = (figures[`validate_${key}10000_ms`] ?? 0) / (figures[`validate_${key}1000_ms`] ?? 1);
  figures[`${shape}_growth_10000_to_1000`] = round(growth, 1);
}
const largest = await largestExample();
console.log(`largest example: ${largest.name}, ${largest.tasks} tasks, planned in ${largest.seconds.toFixed(3)} s`);
figures["plan_largest_example_s"] = round(largest.seconds);
console.log(JSON.stringify({ bench: "plan", figures }));
