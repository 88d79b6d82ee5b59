import { APICallError, RetryError } from "ai";
import { type ErrorDetails, KamachiqError } from "../domain/errors.ts";
import { ModelError, type ModelUsage } from "../domain/model.ts";
import { excerpt, printable } from "../platform/text.ts";

const SAID_CHARACTERS_MAX = 300;

/** Whom an error is about. */
export interface ModelIdentity {
  reference: string;
  url: string;
}

/** What went wrong with a request, in the words of whoever has to mend it. `secret` is kept out of every text. */
export function modelError(
  error: unknown,
  { reference, url }: ModelIdentity,
  usage: ModelUsage,
  secret: string | undefined,
): Error {
  if (error instanceof KamachiqError) return error;
  const cause = RetryError.isInstance(error) ? error.lastError : error;
  const tries = RetryError.isInstance(error) && error.errors.length > 1 ? ` (tried ${error.errors.length} times)` : "";
  const said = (text: string): string => {
    const safe = secret === undefined || secret === "" ? text : text.replaceAll(secret, "…");
    return excerpt(printable(safe).replaceAll(/\s+/g, " ").trim(), SAID_CHARACTERS_MAX);
  };
  const at = `The model ${reference} at ${url}`;
  // What a provider refuses, it does not charge for.
  const failed = (message: string, details: ErrorDetails): ModelError => new ModelError(message, details);

  if (!APICallError.isInstance(cause) || (cause.statusCode ?? 500) < 400) {
    const what = said(cause instanceof Error ? cause.message : JSON.stringify(cause));
    return new ModelError(
      `${at} broke off its answer or does not speak the OpenAI protocol: ${what}`,
      {
        code: "model_protocol",
        status: 502,
        remedy: "See that the URL (KAMACHIQ_MODEL_URL) is that of an OpenAI-compatible API, with its version: …/v1.",
      },
      usage,
    );
  }
  const status = cause.statusCode;
  const answered = `${at} answered ${status}${tries}: ${said(messageOf(cause))}`;
  if (status === undefined) {
    return failed(`${at} can't be reached${tries}: ${said(cause.message)}`, {
      code: "model_unavailable",
      status: 503,
      retryable: true,
      remedy: "Start its server, or correct the URL (KAMACHIQ_MODEL_URL).",
    });
  }
  if (status === 401 || status === 403) {
    return failed(answered, {
      code: "model_unauthorized",
      status: 502,
      remedy: "Correct the key (KAMACHIQ_MODEL_KEY, such as env:OPENAI_API_KEY), or what its account may use.",
    });
  }
  if (status === 404) {
    return failed(answered, {
      code: "model_unknown",
      status: 502,
      remedy: "Correct the model's name (KAMACHIQ_MODEL) or the URL (KAMACHIQ_MODEL_URL, with its version: …/v1).",
    });
  }
  if (status === 429) {
    return failed(answered, {
      code: "model_rate_limited",
      status: 503,
      retryable: true,
      remedy: "Wait, or raise the account's limit at the provider.",
    });
  }
  if (status >= 500 || status === 408) {
    return failed(answered, {
      code: "model_unavailable",
      status: 503,
      retryable: true,
      remedy: "The provider has trouble; try again later or configure another model.",
    });
  }
  return failed(answered, {
    code: "model_rejected",
    status: 502,
    remedy:
      "The provider refuses the request itself: the model may lack structured output, or its context is too small.",
  });
}

/** The provider's own words: OpenAI's `{error: {message}}` where it is that, else the body. */
function messageOf({ message, responseBody }: APICallError): string {
  return message !== "" ? message : (responseBody ?? "");
}
