import { z } from "zod";
import { type ErrorDetails, KamachiqError } from "./errors.ts";
import { ModelUsage, tokensOf } from "./model.ts";

/** Lines of an attachment, and by whom they were put in short. */
export const SummaryPart = z.strictObject({
  attachment: z.string().max(200),
  line: z.int().positive(),
  end_line: z.int().positive(),
  /** `extractive`, or the name of a model. */
  method: z.string().max(200),
  /** Why it was not the model, where one was to do it. */
  reason: z.string().max(300).optional(),
});
export type SummaryPart = z.infer<typeof SummaryPart>;

/** Of all attachments together: those of one method beside each other are one. */
export const SUMMARY_PARTS_MAX = 200;

/** What planning with a model took. */
export const Planning = z.strictObject({
  /** As configured, e.g. `openai/gpt-5-mini`. */
  model: z.string().max(200),
  /** Answers until one kept all rules. */
  rounds: z.int().positive(),
  /** In all: for the rounds, and for putting attachments in short. */
  usage: ModelUsage,
  /** Tokens of the budget that planning could have used. */
  reserve_tokens: z.int().nonnegative(),
  /** Goals and requirements that the model found no capsule for. */
  uncovered: z.array(z.strictObject({ source: z.string().max(300), reason: z.string().max(300) })).max(200),
  /** How the attachments were put in short; absent where the model read them as they are. */
  summary: z.strictObject({ usage: ModelUsage, parts: z.array(SummaryPart).max(SUMMARY_PARTS_MAX) }).optional(),
});
export type Planning = z.infer<typeof Planning>;

export type PlanningSpend = Pick<Planning, "model" | "usage" | "reserve_tokens"> & {
  /** 0: the model was not asked for a plan yet. */
  rounds: number;
};

/**
 * No plan came of asking a model; the message says what was spent on it, and `spend` too. Trying again spends it
 * again, so nothing does by itself.
 */
export class PlanningError extends KamachiqError {
  readonly spend: PlanningSpend;
  constructor(message: string, details: Omit<ErrorDetails, "retryable">, spend: PlanningSpend) {
    super(`${message} ${spentText(spend)}`, { ...details, retryable: false });
    this.spend = spend;
  }
}

function spentText({ usage, rounds }: PlanningSpend): string {
  const tokens = tokensOf(usage);
  if (tokens === 0) return "No tokens were spent.";
  return `It took ${tokens} tokens in ${rounds} round${rounds === 1 ? "" : "s"} (${usage.source}).`;
}
