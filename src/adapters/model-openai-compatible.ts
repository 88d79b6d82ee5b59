import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { jsonSchema, Output, streamText } from "ai";
import { ModelError, type ModelUsage, NO_USAGE } from "../domain/model.ts";
import { countTokens } from "../platform/tokens.ts";
import type { LanguageModel, ObjectAnswer, ObjectRequest } from "../ports/model.ts";
import { modelError } from "./model-errors.ts";
import { requestTokens } from "./model-tokens.ts";

/** After the first try; the waits between them (2 s, 4 s, or what Retry-After says) count against the time-out. */
const RETRIES_MAX = 2;
/** The same question gets the same answer, as far as the provider goes along. */
const SEED = 1;
/** A server that ignores the limit on tokens is cut off here. */
const CHARACTERS_PER_TOKEN_MAX = 20;

export interface OpenAiCompatibleOptions {
  /** Stands in plans and errors. */
  reference: string;
  /** The provider's name of the model. */
  model: string;
  /** With the version, without a slash at its end: `https://api.openai.com/v1`. */
  url: string;
  /** Resolved for each request, so that the key is held no longer than it takes; undefined: none is sent. */
  key: () => Promise<string | undefined>;
  retries_max?: number;
}

/** Any server that speaks OpenAI's Chat Completions with streaming and `response_format: json_schema`. */
export function createOpenAiCompatibleModel(options: OpenAiCompatibleOptions): LanguageModel {
  return {
    reference: options.reference,
    async generateObject(request) {
      if (isAborted(request.signal)) throw givenUp(options.reference, request.signal, NO_USAGE);
      const key = await options.key();
      const timeout = AbortSignal.timeout(request.timeout_ms);
      const signals = request.signal === undefined ? [timeout] : [timeout, request.signal];
      const received: Received = { text: "", end: undefined, usage: undefined };
      try {
        await receive(received, request, options, key, AbortSignal.any(signals));
      } catch (error) {
        const usage = usageOf(request, received);
        if (isAborted(request.signal)) throw givenUp(options.reference, request.signal, usage);
        if (timeout.aborted) throw timedOut(options.reference, request.timeout_ms, received, usage);
        throw modelError(error, options, usage, key);
      }
      return { end: received.end ?? "complete", text: received.text, usage: usageOf(request, received) };
    },
  };
}

/** What came so far. */
interface Received {
  text: string;
  end: ObjectAnswer["end"] | undefined;
  usage: ModelUsage | undefined;
}

async function receive(
  received: Received,
  request: ObjectRequest,
  { model, url, retries_max = RETRIES_MAX }: OpenAiCompatibleOptions,
  apiKey: string | undefined,
  abortSignal: AbortSignal,
): Promise<void> {
  abortSignal.throwIfAborted();
  const provider = createOpenAICompatible({
    name: "openai",
    baseURL: url,
    ...(apiKey === undefined ? {} : { apiKey }),
    supportsStructuredOutputs: true,
    includeUsage: true,
    transformRequestBody: (body) => (new URL(url).hostname === "api.openai.com" ? forOpenAi(model, body) : body),
  });
  const { stream } = streamText({
    model: provider(model),
    instructions: request.instructions,
    messages: [...request.messages],
    output: Output.object({ schema: jsonSchema(request.schema), name: request.schema_name }),
    // Strict schemas know no free-form objects, such as the parameters of capsules.
    providerOptions: { openai: { strictJsonSchema: false } },
    temperature: 0,
    seed: SEED,
    maxOutputTokens: request.output_tokens_max,
    maxRetries: retries_max,
    abortSignal,
    onError: () => {}, // it is in the stream
  });
  for await (const part of stream) {
    if (part.type === "error") throw part.error;
    if (part.type === "abort") throw abortSignal.reason;
    if (part.type === "text-delta") received.text += part.text;
    if (part.type === "finish") {
      received.end = endOf(part.finishReason);
      received.usage = reported(part.totalUsage);
    }
    if (received.text.length > request.output_tokens_max * CHARACTERS_PER_TOKEN_MAX) {
      received.end = "truncated";
      return;
    }
  }
}

function endOf(reason: string): ObjectAnswer["end"] {
  if (reason === "length") return "truncated";
  return reason === "content-filter" ? "refused" : "complete";
}

/** Some servers report nothing, or nothing but zeros. */
function reported(usage: {
  inputTokens: number | undefined;
  outputTokens: number | undefined;
}): ModelUsage | undefined {
  const { inputTokens, outputTokens } = usage;
  if (inputTokens === undefined || outputTokens === undefined || inputTokens === 0) return undefined;
  return { input_tokens: inputTokens, output_tokens: outputTokens, source: "provider" };
}

function usageOf(request: ObjectRequest, { text, usage }: Received): ModelUsage {
  if (usage !== undefined) return usage;
  return { input_tokens: requestTokens(request), output_tokens: countTokens(text), source: "tokenizer" };
}

function timedOut(reference: string, timeout_ms: number, { text }: Received, usage: ModelUsage): ModelError {
  const doing = text === "" ? "it had not begun to answer" : `it was still writing, ${text.length} characters so far`;
  return new ModelError(
    `The model ${reference} did not finish within ${(timeout_ms / 1_000).toFixed(1)} s; ${doing}.`,
    {
      code: "model_timeout",
      status: 504,
      remedy: "Configure a faster model (KAMACHIQ_MODEL), or make the request smaller.",
    },
    usage,
  );
}

function isAborted(signal: AbortSignal | undefined): signal is AbortSignal {
  return signal?.aborted === true;
}

function givenUp(reference: string, { reason }: AbortSignal, usage: ModelUsage): ModelError {
  const why = reason instanceof Error ? reason.message : String(reason);
  return new ModelError(
    `The question to the model ${reference} was given up: ${why}`,
    { code: "model_cancelled", status: 499, cause: reason },
    usage,
  );
}

/** OpenAI's own API has replaced `max_tokens`, and its reasoning models refuse to be told a temperature. */
export function forOpenAi(model: string, { max_tokens, ...body }: Record<string, unknown>): Record<string, unknown> {
  const limited: Record<string, unknown> = { ...body, max_completion_tokens: max_tokens };
  if (!/^(o\d|gpt-5)/.test(model)) return limited;
  const { temperature: _refused, ...rest } = limited;
  return rest;
}
