import type { ModelUsage } from "../domain/model.ts";

export interface ModelMessage {
  role: "user" | "assistant";
  content: string;
}

export interface ObjectRequest {
  /** The system message: what the model shall do. Foreign text belongs into the messages. */
  instructions: string;
  messages: readonly ModelMessage[];
  /** JSON Schema of the answer. Servers follow it more or less, so that the answer must be validated. */
  schema: Record<string, unknown>;
  /** Name of the schema: letters, digits, `_` and `-`. */
  schema_name: string;
  output_tokens_max: number;
  /** For the request with all its retries, in milliseconds. */
  timeout_ms: number;
  signal?: AbortSignal | undefined;
}

export interface ObjectAnswer {
  /** `truncated` at `output_tokens_max`; `refused` by the model or by a filter of its provider. */
  end: "complete" | "truncated" | "refused";
  /** What the model wrote: JSON when it is complete and the model did as asked. */
  text: string;
  usage: ModelUsage;
}

export interface LanguageModel {
  /** As configured, e.g. `openai/gpt-5-mini`; stands in plans and errors. */
  readonly reference: string;
  /**
   * One answer in JSON. Fails with ModelError: `model_timeout`, `model_unauthorized`, `model_unknown`,
   * `model_rejected`, `model_rate_limited`, `model_unavailable`, `model_protocol`, and `model_cancelled`, with the
   * signal's reason as cause, when the signal is aborted. What the request cost all the same is the error's `usage`.
   */
  generateObject(request: ObjectRequest): Promise<ObjectAnswer>;
}
