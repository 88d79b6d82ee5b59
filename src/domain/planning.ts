import { z } from "zod";
import { type ErrorDetails, KamachiqError } from "./errors.ts";
import { ModelUsage } from "./model.ts";

/** What planning with a model took. */
export const Planning = z.strictObject({
  /** As configured, e.g. `openai/gpt-5-mini`. */
  model: z.string().max(200),
  /** Answers until one kept all rules. */
  rounds: z.int().positive(),
  usage: ModelUsage,
  /** Tokens of the budget that planning could have used. */
  reserve_tokens: z.int().nonnegative(),
  /** Goals and requirements that the model found no capsule for. */
  uncovered: z.array(z.strictObject({ source: z.string().max(300), reason: z.string().max(300) })).max(200),
});
export type Planning = z.infer<typeof Planning>;

/** No plan came of asking a model. `usage` is what was spent on it. Trying again spends it again, so nothing does by itself. */
export class PlanningError extends KamachiqError {
  readonly usage: ModelUsage;
  readonly rounds: number;
  constructor(message: string, details: Omit<ErrorDetails, "retryable">, spent: { usage: ModelUsage; rounds: number }) {
    super(message, { ...details, retryable: false });
    this.usage = spent.usage;
    this.rounds = spent.rounds;
  }
}
