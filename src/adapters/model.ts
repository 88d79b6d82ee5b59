import type { Config } from "../config/config.ts";
import { resolveSecret } from "../platform/secrets.ts";
import type { LanguageModel } from "../ports/model.ts";
import { createOpenAiCompatibleModel } from "./model-openai-compatible.ts";

/** The configured model; undefined where none is. No request is made and no secret is read before it is used. */
export function createModel({ name, url, key }: Config["model"]): LanguageModel | undefined {
  if (name === null) return undefined;
  return createOpenAiCompatibleModel({
    reference: name,
    model: name.slice(name.indexOf("/") + 1),
    url,
    key: async () => (key === null ? undefined : resolveSecret(key)),
  });
}
