import type { PlanView } from "../../api/views.ts";
import { count, plural } from "./text.ts";

type WorkEstimate = PlanView["estimate"]["total"];

/** What it is expected to take, from the lower to the upper end, and what that rests on. */
export function estimateLines(estimate: WorkEstimate | undefined, budget_tokens: number): string[] {
  if (estimate === undefined) return [];
  const { tokens, seconds } = estimate;
  return [
    `  about ${count(tokens.likely)} of ${count(budget_tokens)} tokens${range(tokens)}, about ${count(seconds.likely)} s${range(seconds)}`,
    `  ${basis(estimate)}`,
  ];
}

function range({ low, high }: WorkEstimate["tokens"]): string {
  return low === high ? "" : ` (${count(low)} to ${count(high)})`;
}

function basis({ basis: kind, past_tasks }: WorkEstimate): string {
  switch (kind) {
    case "history":
      return `estimated from ${plural(past_tasks, "past task")}`;
    case "partly":
      return `estimated from ${plural(past_tasks, "past task")} where there are any, else a prior: not measured here yet`;
    case "prior":
      return "estimated by a prior: nothing like it was measured here yet";
    case "stated":
      return "estimated by whoever wrote the plan";
  }
}
