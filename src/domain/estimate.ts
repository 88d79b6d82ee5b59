import { checkSeconds, type PlannerHeuristics, runtimeOf, tokenPrior } from "./heuristics.ts";
import type { TaskType } from "./plan.ts";
import { ESTIMATE_LEVELS, type Quantiles, type TaskEstimate } from "./task-estimate.ts";

/** What is known of a task before it runs. */
export interface TaskTraits {
  /** Name of the agent that does it. */
  agent: string;
  type: TaskType;
  persona: string;
  capsule: string;
  /** `major.minor.patch`. */
  capsule_version: string;
  task_id: string;
  /** Tokens of what the agent is told, what it reads and what its templates, if it has any, write. */
  size_tokens: number;
  checks: readonly string[];
}

/** What the first attempt of a past task took. Remediations aren't estimated: they depend on what was found. */
export interface TaskSample extends TaskTraits {
  tokens: number;
  /** Of the agent and of grading its work. */
  seconds: number;
}

/** Samples at a level weigh against what the levels above say: n of them count n/(n + this). */
const LIKELY_WEIGHT = 1;
/** The same for how wide the range is: a tenth and nine tenths take about ten samples to be seen. */
const SPREAD_WEIGHT = 9;
/** What was used may be this many times more or less than expected; beyond it a sample counts as if it were at the limit. */
const RATIO_MAX = 100;

/** Actual over expected of past tasks, sorted. */
interface Ratios {
  tokens: number[];
  seconds: number[];
}

/**
 * Learns from past tasks: how many times its size a task took in tokens, and how many times what its checks usually
 * take in seconds. Each level (`ESTIMATE_LEVELS`) corrects the one above it by as many samples as it has, starting from
 * the prior of the heuristics. Samples of another minor version of a capsule count for type and persona only: such a
 * version may have other tasks, templates and checks under the same names. The order of the samples doesn't matter.
 * Takes n log n of the number of samples, which the caller bounds, and constant time an estimate.
 */
export function fitEstimates(
  samples: readonly TaskSample[],
  heuristics: Pick<PlannerHeuristics, "tokens" | "seconds">,
): (task: TaskTraits) => TaskEstimate {
  const groups = new Map<string, Ratios>();
  for (const sample of samples) {
    const tokens = ratio(sample.tokens, sizeOf(sample));
    const seconds = ratio(sample.seconds, checkSeconds(sample.checks, heuristics));
    for (const key of keysOf(sample)) {
      const group = groups.get(key) ?? { tokens: [], seconds: [] };
      group.tokens.push(tokens);
      group.seconds.push(seconds);
      groups.set(key, group);
    }
  }
  for (const { tokens, seconds } of groups.values()) for (const list of [tokens, seconds]) list.sort((a, b) => a - b);

  return (task) => {
    const levels = keysOf(task).flatMap((key) => groups.get(key) ?? []);
    const narrowest = levels.at(-1);
    const tokens = corrected(
      tokenPrior(task.agent, heuristics),
      levels.map((level) => level.tokens),
    );
    const seconds = corrected(
      { ...heuristics.seconds.spread, likely: 1 },
      levels.map((level) => level.seconds),
    );
    const known = narrowest && { samples: narrowest.tokens.length, level: ESTIMATE_LEVELS[levels.length - 1] };
    return {
      agent: task.agent,
      runtime: runtimeOf(task.agent, heuristics),
      tokens: scaled(tokens, sizeOf(task), 1),
      seconds: scaled(seconds, checkSeconds(task.checks, heuristics), 10),
      ...(known === undefined ? { basis: "prior", samples: 0 } : { basis: "history", ...known }),
    };
  };
}

/** The groups that a task belongs to, from the widest level to the narrowest. */
function keysOf({ agent, type, persona, capsule, capsule_version, task_id }: TaskTraits): string[] {
  const [major, minor] = capsule_version.split(".");
  const path = [agent, type, persona, `${capsule} ${major}.${minor}`, task_id];
  return ESTIMATE_LEVELS.map((_, level) => JSON.stringify(path.slice(0, level + 2)));
}

function sizeOf({ size_tokens }: TaskTraits): number {
  return Math.max(1, size_tokens);
}

function ratio(actual: number, expected: number): number {
  return Math.min(RATIO_MAX, Math.max(1 / RATIO_MAX, actual / Math.max(expected, 1e-3)));
}

/** The prior, corrected level by level: where the middle lies, and how far the ends are from it. */
function corrected({ low, likely, high }: Quantiles, levels: readonly number[][]): Quantiles {
  let [middle, down, up] = [likely, likely === 0 ? 1 : low / likely, likely === 0 ? 1 : high / likely];
  for (const ratios of levels) {
    const [own, count] = [quantile(ratios, 0.5), ratios.length];
    middle += ((own - middle) * count) / (count + LIKELY_WEIGHT);
    down += ((quantile(ratios, 0.1) / own - down) * count) / (count + SPREAD_WEIGHT);
    up += ((quantile(ratios, 0.9) / own - up) * count) / (count + SPREAD_WEIGHT);
  }
  return { low: middle * down, likely: middle, high: middle * up };
}

/** Between the two nearest of the sorted values, as their distance says. */
function quantile(sorted: readonly number[], share: number): number {
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)] ?? 0;
  const above = sorted[Math.ceil(position)] ?? below;
  return below + (above - below) * (position - Math.floor(position));
}

/** In multiples of `1 / parts`; rounding keeps the order. */
function scaled({ low, likely, high }: Quantiles, expected: number, parts: number): Quantiles {
  const at = (value: number): number => Math.round(value * expected * parts) / parts;
  return { low: at(low), likely: at(likely), high: at(high) };
}
