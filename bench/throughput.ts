/**
 * `npm run bench [N …]`: W(N), layers of ten tasks that each depend on two of the layer before, and C(20), twenty
 * projects of W(20) at once; N is 100, 1,000 and 10,000 unless given. Three ways on one server, in turns: plain Temporal
 * with one child workflow and one activity a task; the engine without integration; the engine with a merge for each
 * task. Up to 100 tasks three times, the median counts. Ends with one line of JSON.
 */
import { type Engine, layered, runGraph, startEngine } from "./engine/engine.ts";
import { durableBytes, historyEvents, schedulingDelays } from "./engine/measure.ts";
import { type Raw, startRaw } from "./engine/raw.ts";

const SLOTS = 10;
const REPEATED_UP_TO = 100;
const PROJECTS = 20;

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function quantile(values: number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? Number.NaN;
}

const round = (value: number): number => Number(value.toFixed(3));

interface Ways {
  raw_s: number;
  engine_s: number;
  full_s: number;
  delays_ms: number[];
  cpu_ms_per_task: number;
}

async function measure(engine: Engine, raw: Raw, n: number): Promise<Ways> {
  const tasks = layered(n);
  const rounds: Ways[] = [];
  for (let round_ = 0; round_ < (n <= REPEATED_UP_TO ? 3 : 1); round_++) {
    const raw_s = await raw.run(`w${n}-${round_}`, tasks);
    const cpu = process.cpuUsage();
    const run = await runGraph(engine, `w${n}`, tasks, { integration: false });
    const { user, system } = process.cpuUsage(cpu);
    const full = await runGraph(engine, `full${n}`, tasks, { integration: true });
    rounds.push({
      raw_s,
      engine_s: run.seconds,
      full_s: full.seconds,
      delays_ms: await schedulingDelays(engine.db, run.project_id),
      cpu_ms_per_task: (user + system) / 1_000 / n,
    });
  }
  const of = (pick: (ways: Ways) => number): number => median(rounds.map(pick));
  return {
    raw_s: of((ways) => ways.raw_s),
    engine_s: of((ways) => ways.engine_s),
    full_s: of((ways) => ways.full_s),
    delays_ms: rounds.flatMap((ways) => ways.delays_ms),
    cpu_ms_per_task: of((ways) => ways.cpu_ms_per_task),
  };
}

async function concurrent(engine: Engine, raw: Raw): Promise<{ raw_s: number; engine_s: number }> {
  const tasks = layered(20);
  const each = Array.from({ length: PROJECTS }, (_, index) => index);
  const timed = async (run: (index: number) => Promise<unknown>): Promise<number> => {
    const began = performance.now();
    await Promise.all(each.map(run));
    return (performance.now() - began) / 1_000;
  };
  return {
    raw_s: await timed((index) => raw.run(`c20-${index}`, tasks)),
    engine_s: await timed((index) => runGraph(engine, `c20-${index}`, tasks, { integration: false })),
  };
}

const sizes = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [100, 1_000, 10_000];
const engine = await startEngine(SLOTS);
const raw = await startRaw(engine.address, SLOTS);
const figures: Record<string, number> = {};
try {
  await raw.run("warm-up", layered(20));
  await runGraph(engine, "warm-up", layered(20), { integration: true });
  for (const n of sizes) {
    const before = { bytes: await durableBytes(engine), events: await historyEvents(engine.client) };
    const ways = await measure(engine, raw, n);
    const runs = n <= REPEATED_UP_TO ? 9 : 3;
    const bytes = ((await durableBytes(engine)) - before.bytes) / n / runs;
    const events = ((await historyEvents(engine.client)) - before.events) / n / runs;
    figures[`raw_${n}_s`] = round(ways.raw_s);
    figures[`engine_${n}_s`] = round(ways.engine_s);
    figures[`full_${n}_s`] = round(ways.full_s);
    figures[`cpu_${n}_ms_per_task`] = round(ways.cpu_ms_per_task);
    figures["delay_p50_ms"] = round(quantile(ways.delays_ms, 0.5));
    figures["delay_p99_ms"] = round(quantile(ways.delays_ms, 0.99));
    figures["state_bytes_per_task"] = Math.round(bytes);
    figures["history_events_per_task"] = round(events);
    figures["rss_mb"] = Math.round(process.memoryUsage().rss / 2 ** 20);
    const ratio = (ways.engine_s / ways.raw_s).toFixed(2);
    const full = (ways.full_s / ways.raw_s).toFixed(2);
    console.log(
      `W(${n}): raw ${ways.raw_s.toFixed(2)} s, engine ${ways.engine_s.toFixed(2)} s (${ratio}), all ${ways.full_s.toFixed(2)} s (${full}); ` +
        `${(n / ways.engine_s).toFixed(1)} tasks/s, ${ways.cpu_ms_per_task.toFixed(1)} ms of this process's CPU a task, ` +
        `delay p50 ${figures["delay_p50_ms"]} ms, p99 ${figures["delay_p99_ms"]} ms, ${figures["rss_mb"]} MB`,
    );
  }
  const { raw_s, engine_s } = await concurrent(engine, raw);
  figures["c20_raw_s"] = round(raw_s);
  figures["c20_engine_s"] = round(engine_s);
  console.log(`C(20): raw ${raw_s.toFixed(2)} s, engine ${engine_s.toFixed(2)} s, whole projects`);
  const started = performance.now();
  await runGraph(engine, "one", layered(1), { integration: false });
  figures["one_task_project_s"] = round((performance.now() - started) / 1_000);
} finally {
  await raw.stop();
  await engine.stop();
}
const [small, large] = [figures["engine_100_s"], figures["engine_10000_s"]];
if (small !== undefined && large !== undefined)
  figures["cost_ratio_10000_to_100"] = round(large / 10_000 / (small / 100));
console.log(JSON.stringify({ bench: "engine", figures }));
