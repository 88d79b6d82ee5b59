/**
 * `npm run bench:makespan [NAME …]`: the graphs of bench/graphs as tasks that really sleep, 10 at once, through the whole
 * engine without integration. Prints for each the real makespan ÷ the lower bound (the larger of critical path and work ÷
 * 10), with what longest-path-first, first-come-first-served and wave-by-wave reach without any overhead (simulated), and
 * once more with estimates that are off by up to 50 %. Ends with one line of JSON.
 */
import { readdirSync, readFileSync } from "node:fs";
import { type Engine, type GraphTask, runGraph, startEngine } from "./engine/engine.ts";
import { Schedule } from "../src/domain/schedule.ts";

const SLOTS = 10;
const folder = new URL("graphs/", import.meta.url);

type Task = Required<Pick<GraphTask, "id" | "dependencies" | "seconds">>;

function readGraph(name: string): Task[] {
  const { tasks } = JSON.parse(readFileSync(new URL(`${name}.json`, folder), "utf8")) as {
    tasks: [string, number, string[]][];
  };
  return tasks.map(([id, seconds, dependencies]) => ({ id, seconds, dependencies }));
}

/** The same noise for the same graph: factors from 0.5 to 1.5. */
function noisy(tasks: readonly Task[], seed: number): GraphTask[] {
  let state = seed;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return tasks.map((task) => ({ ...task, estimated_seconds: task.seconds * (0.5 + next()) }));
}

function lowerBound(tasks: readonly Task[]): number {
  const ends = new Map<string, number>();
  for (const { id, seconds, dependencies } of tasks)
    ends.set(id, seconds + Math.max(0, ...dependencies.map((above) => ends.get(above) ?? 0)));
  const work = tasks.reduce((sum, { seconds }) => sum + seconds, 0);
  return Math.max(...ends.values(), work / SLOTS);
}

/** Makespan without any overhead; `weight` says which of the ready tasks goes first. */
function simulate(tasks: readonly Task[], weight: (task: Task, index: number) => number): number {
  const seconds = new Map(tasks.map((task) => [task.id, task.seconds]));
  const schedule = new Schedule(tasks.map((task, index) => ({ ...task, weight: weight(task, index) })));
  const running: { id: string; end: number }[] = [];
  let now = 0;
  while (!schedule.done) {
    for (let id = running.length < SLOTS ? schedule.next() : undefined; id !== undefined;) {
      running.push({ id, end: now + (seconds.get(id) ?? 0) });
      id = running.length < SLOTS ? schedule.next() : undefined;
    }
    running.sort((a, b) => b.end - a.end);
    const { id, end } = running.pop() as { id: string; end: number };
    now = end;
    schedule.complete(id, "done");
  }
  return now;
}

/** First come, first served: whoever became ready first is started first. */
function firstCome(tasks: readonly Task[]): number {
  const missing = new Map(tasks.map(({ id, dependencies }) => [id, dependencies.length]));
  const ready = tasks.filter(({ dependencies }) => dependencies.length === 0);
  const running: { task: Task; end: number }[] = [];
  let now = 0;
  while (ready.length > 0 || running.length > 0) {
    while (running.length < SLOTS && ready.length > 0) {
      const task = ready.shift() as Task;
      running.push({ task, end: now + task.seconds });
    }
    running.sort((a, b) => b.end - a.end);
    const { task, end } = running.pop() as { task: Task; end: number };
    now = end;
    for (const below of tasks) {
      if (!below.dependencies.includes(task.id)) continue;
      const left = (missing.get(below.id) ?? 0) - 1;
      missing.set(below.id, left);
      if (left === 0) ready.push(below);
    }
  }
  return now;
}

function waves(tasks: readonly Task[]): number {
  const levels = new Map<string, number>();
  for (const { id, dependencies } of tasks)
    levels.set(id, 1 + Math.max(-1, ...dependencies.map((above) => levels.get(above) ?? 0)));
  let total = 0;
  for (let level = 0; level <= Math.max(...levels.values()); level++) {
    const wave = tasks.filter(({ id }) => levels.get(id) === level).map((task) => ({ ...task, dependencies: [] }));
    total += simulate(wave, (_, index) => -index);
  }
  return total;
}

function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle - 1)] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}

async function ratio(engine: Engine, name: string, tasks: readonly GraphTask[], bound: number): Promise<number> {
  const { seconds } = await runGraph(engine, name, tasks, { integration: false });
  return seconds / bound;
}

const wanted = process.argv.slice(2);
const names = readdirSync(folder)
  .map((name) => name.replace(/\.json$/, ""))
  .filter((name) => wanted.length === 0 || wanted.includes(name));
const engine = await startEngine(SLOTS);
const rows: { real: number; noisy: number; longest: number; first: number; waves: number }[] = [];
try {
  await runGraph(engine, "warm-up", [{ id: "a", dependencies: [] }], { integration: false });
  for (const [index, name] of names.entries()) {
    const tasks = readGraph(name);
    const bound = lowerBound(tasks);
    const row = {
      real: await ratio(engine, name, tasks, bound),
      noisy: await ratio(engine, `${name}-noisy`, noisy(tasks, index + 1), bound),
      longest: simulate(tasks, ({ seconds }) => seconds) / bound,
      first: firstCome(tasks) / bound,
      waves: waves(tasks) / bound,
    };
    rows.push(row);
    const shown = Object.entries(row).map(([what, value]) => `${what} ${value.toFixed(3)}`);
    console.log(`${name}: ${tasks.length} tasks, bound ${bound.toFixed(1)} s: ${shown.join(", ")}`);
  }
} finally {
  await engine.stop();
}
const figure = (value: number) => Number(value.toFixed(3));
const figures = {
  bound_median_ratio: figure(median(rows.map((row) => row.real))),
  bound_worst_ratio: figure(Math.max(...rows.map((row) => row.real))),
  bound_median_ratio_noisy_estimates: figure(median(rows.map((row) => row.noisy))),
  longest_path_bound_median_ratio: figure(median(rows.map((row) => row.longest))),
  fcfs_bound_median_ratio: figure(median(rows.map((row) => row.first))),
  wave_bound_median_ratio: figure(median(rows.map((row) => row.waves))),
};
console.log(JSON.stringify({ bench: "makespan", figures }));
