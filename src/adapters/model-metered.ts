import { ModelError, NO_USAGE, tokensOf } from "../domain/model.ts";
import type { LanguageModel } from "../ports/model.ts";
import { requestTokens } from "./model-tokens.ts";
import type { PlanningAccount } from "./planning-account.ts";

export interface Allowance {
  account: PlanningAccount;
  /** Of what the account has left. */
  tokens_max: number;
  /** By `performance.now()`. */
  deadline_ms: number;
}

/**
 * The model within an allowance: what it costs is charged to the account, and requests that are under way hold what
 * they may cost at most, so that together they can't overdraw. Fails with ModelError `model_budget_exhausted` or
 * `model_timeout` before it asks what the allowance does not cover.
 */
export function meteredModel(model: LanguageModel, { account, tokens_max, deadline_ms }: Allowance): LanguageModel {
  let free = Math.min(tokens_max, account.left());
  return {
    reference: model.reference,
    async generateObject(request) {
      const counted = requestTokens(request);
      const hold = account.price(counted) + request.output_tokens_max;
      const timeout_ms = Math.min(request.timeout_ms, Math.round(deadline_ms - performance.now()));
      if (hold > free) throw exhausted(model.reference, hold, free);
      if (timeout_ms <= 0) throw tooLate(model.reference);
      free -= hold;
      let usage = NO_USAGE;
      try {
        const answer = await model.generateObject({ ...request, timeout_ms });
        usage = answer.usage;
        return answer;
      } catch (error) {
        if (error instanceof ModelError) usage = error.usage;
        throw error;
      } finally {
        account.charge(usage, counted);
        free += hold - tokensOf(usage);
      }
    },
  };
}

function exhausted(reference: string, hold: number, free: number): ModelError {
  return new ModelError(
    `A request to the model ${reference} may take ${hold} tokens, and ${Math.max(0, free)} are left.`,
    { code: "model_budget_exhausted", status: 409, remedy: "Raise budget.tokens in the spec." },
  );
}

function tooLate(reference: string): ModelError {
  return new ModelError(`No time was left to ask the model ${reference}.`, {
    code: "model_timeout",
    status: 504,
    remedy: "Configure a faster model (KAMACHIQ_MODEL).",
  });
}
