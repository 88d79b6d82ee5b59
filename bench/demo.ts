/**
 * `npm run bench:demo`: the README's command on the demo's spec, three times in a new state folder each, after one
 * run that does the set-up. Prints the time by stage and how much of it the checks took, then one line of JSON.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Connection } from "@temporalio/client";
import type { KamachiqEvent } from "../src/domain/events.ts";
import { STAGES } from "../src/domain/intake.ts";
import { readServerInfo } from "../src/stack/server-info.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const SPEC = process.argv[2] ?? "examples/simple_cli.yaml";
const RUNS = 3;

interface Run {
  total_s: number;
  startup_s: number;
  outside_checks_s: number;
  largest_history_kb: number;
  mutants_killed_share: number;
  stages: Record<string, number>;
}

async function kamachiq(home: string, args: string[], line: (text: string) => void): Promise<number> {
  const child = spawn(join(ROOT, "kamachiq"), ["--home", home, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  createInterface({ input: child.stdout }).on("line", line);
  const [code] = (await once(child, "close")) as [number];
  return code;
}

async function measure(): Promise<Run> {
  const home = await mkdtemp(join(tmpdir(), "kamachiq-bench-"));
  try {
    const began = Date.now();
    const events: KamachiqEvent[] = [];
    const code = await kamachiq(home, ["run", SPEC, "--json"], (text) => {
      const value = JSON.parse(text) as KamachiqEvent | object;
      if ("specversion" in value) events.push(value);
    });
    const total_s = (Date.now() - began) / 1000;
    if (code !== 0) throw new Error(`kamachiq run ended with ${code}`);
    const largest_history_kb = await largestHistory(home);
    await kamachiq(home, ["down"], () => {});
    const first = events[0] as KamachiqEvent;
    const checks_s = union(checkIntervals(events)) / 1000;
    return {
      total_s,
      startup_s: (Date.parse(first.time) - began) / 1000,
      outside_checks_s: total_s - checks_s,
      largest_history_kb,
      mutants_killed_share: killedShare(events),
      stages: stageTimes(events),
    };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** When some check ran, in milliseconds since the epoch: grading, and re-testing in the merge queue. */
function checkIntervals(events: KamachiqEvent[]): [number, number][] {
  return events.flatMap(({ type, time, data }) => {
    const ms = type === "kamachiq.review.scored" ? data["duration_ms"] : data["retest_ms"];
    return typeof ms === "number" ? [[Date.parse(time) - ms, Date.parse(time)] as [number, number]] : [];
  });
}

/** Length of the union: two checks at once count once. */
function union(intervals: [number, number][]): number {
  let end = 0;
  let sum = 0;
  for (const [from, to] of intervals.toSorted(([a], [b]) => a - b)) {
    sum += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return sum;
}

function killedShare(events: KamachiqEvent[]): number {
  const whole = events.findLast(({ type, data }) => type === "kamachiq.review.scored" && data["scope"] === "project");
  const checks = (whole?.data["checks"] ?? []) as { check: string; counts: Record<string, number> }[];
  const counts = checks.find(({ check }) => check === "mutants")?.counts;
  return (counts?.["killed"] ?? 0) / (counts?.["mutants"] ?? 1);
}

function stageTimes(events: KamachiqEvent[]): Record<string, number> {
  const starts = STAGES.map((stage) => {
    const event = events.find(
      ({ type }) => type === `kamachiq.${stage}.started` || type === `kamachiq.${stage}.accepted`,
    );
    return [stage, Date.parse(event?.time ?? "")] as const;
  });
  const last = Date.parse((events.at(-1) as KamachiqEvent).time);
  return Object.fromEntries(
    starts.map(([stage, at], index) => [stage, ((starts[index + 1]?.[1] ?? last) - at) / 1000]),
  );
}

async function largestHistory(home: string): Promise<number> {
  const info = await readServerInfo(home);
  if (info === null) throw new Error("the server is gone before its histories were measured");
  const connection = await Connection.connect({ address: info.temporal_address });
  const { executions } = await connection.workflowService.listWorkflowExecutions({
    namespace: "default",
    pageSize: 1000,
  });
  const sizes = executions.map(({ historySizeBytes }) => Number(historySizeBytes ?? 0));
  await connection.close();
  return Math.max(...sizes) / 1024;
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const runs: Run[] = [];
await measure(); // set-up, bundle and file caches
for (let index = 0; index < RUNS; index++) {
  const run = await measure();
  runs.push(run);
  const stages = Object.entries(run.stages).map(([stage, seconds]) => `${stage} ${seconds.toFixed(1)}`);
  const share = Math.round((1 - run.outside_checks_s / run.total_s) * 100);
  console.log(`run ${index + 1}: ${run.total_s.toFixed(1)} s (${stages.join(", ")}); checks ${share} %`);
}
const figure = (pick: (run: Run) => number) => Number(median(runs.map(pick)).toFixed(3));
const figures = {
  total_s: figure((run) => run.total_s),
  startup_s: figure((run) => run.startup_s),
  outside_checks_s: figure((run) => run.outside_checks_s),
  largest_history_kb: figure((run) => run.largest_history_kb),
  mutants_killed_share: figure((run) => run.mutants_killed_share),
};
console.log(JSON.stringify({ bench: "demo", figures }));
