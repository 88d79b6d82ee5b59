import { countTokens } from "../platform/tokens.ts";
import type { ObjectRequest } from "../ports/model.ts";

/** Tokens that a request sends, by our tokenizer: an estimate, for each provider counts and frames messages in its own way. */
export function requestTokens({
  instructions,
  messages,
  schema,
}: Pick<ObjectRequest, "instructions" | "messages" | "schema">): number {
  return countTokens([instructions, ...messages.map(({ content }) => content), JSON.stringify(schema)].join("\n"));
}
