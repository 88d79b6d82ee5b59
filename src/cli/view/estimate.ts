import type { WorkEstimate } from "../../domain/plan-estimate.ts";
import type { TaskNode } from "../../domain/plan.ts";
import { count, plural } from "./text.ts";

/** What it is expected to take, from the lower to the upper end, and what that rests on. */
export function estimateLines(estimate: WorkEstimate | undefined, budget_tokens: number): string[] {
  if (estimate === undefined) return [];
  const { tokens, seconds } = estimate;
  return [
    `  about ${count(tokens.likely)} of ${count(budget_tokens)} tokens${inBrackets(tokens)}, ` +
      `the longest way about ${count(seconds.likely)} s${inBrackets(seconds)}`,
    ...basisLines(estimate).map((line) => `  ${line}`),
  ];
}

/** `1,149 to 1,166 tokens, 0.4 to 1 s`; empty where the plan only states a number. */
export function taskRange({ estimate }: Pick<TaskNode, "estimate">): string {
  return estimate === undefined ? "" : `${range(estimate.tokens)} tokens, ${range(estimate.seconds)} s`;
}

/** What the estimate rests on: past tasks or a prior, and of which agent. */
export function basisLines({ basis, past_tasks, tasks, tasks_seen, agents }: WorkEstimate): string[] {
  const ofAgents = agents.map(({ agent, runtime }) => `${agent} (${runtime})`).join(", ");
  const past = `estimated from ${plural(past_tasks, "past task")} of ${ofAgents}; ${count(tasks_seen)} of the ${plural(tasks, "task")} here ran before`;
  switch (basis) {
    case "history":
      return [past];
    case "partly":
      return [past, "the others by a prior: nothing like them was measured here yet"];
    case "prior":
      return agents.some(({ runtime }) => runtime === "model")
        ? [`a guess for ${ofAgents}: nothing is claimed before such tasks have run here`]
        : [`estimated by a prior for ${ofAgents}: nothing like it was measured here yet`];
    case "stated":
      return ["estimated by whoever wrote the plan"];
  }
}

function range({ low, high }: WorkEstimate["tokens"]): string {
  return low === high ? count(low) : `${count(low)} to ${count(high)}`;
}

function inBrackets(quantiles: WorkEstimate["tokens"]): string {
  return quantiles.low === quantiles.high ? "" : ` (${range(quantiles)})`;
}
