import { z } from "zod";
import { type ErrorDetails, KamachiqError } from "./errors.ts";

/** Tokens of requests to a model: as its provider `reported` them, or as a `tokenizer` counted what was sent and received. */
export const ModelUsage = z.strictObject({
  input_tokens: z.int().nonnegative(),
  output_tokens: z.int().nonnegative(),
  source: z.enum(["provider", "tokenizer"]),
});
export type ModelUsage = z.infer<typeof ModelUsage>;

export const NO_USAGE: ModelUsage = { input_tokens: 0, output_tokens: 0, source: "provider" };

export const tokensOf = (usage: ModelUsage): number => usage.input_tokens + usage.output_tokens;

/** The sum; it is `tokenizer` as soon as a part of it is. */
export function addUsage(a: ModelUsage, b: ModelUsage): ModelUsage {
  return {
    input_tokens: a.input_tokens + b.input_tokens,
    output_tokens: a.output_tokens + b.output_tokens,
    source: a.source === "tokenizer" || b.source === "tokenizer" ? "tokenizer" : "provider",
  };
}

/** A request to a model failed. `usage` is what it cost all the same. */
export class ModelError extends KamachiqError {
  readonly usage: ModelUsage;
  constructor(message: string, details: ErrorDetails, usage: ModelUsage = NO_USAGE) {
    super(message, details);
    this.usage = usage;
  }
}
