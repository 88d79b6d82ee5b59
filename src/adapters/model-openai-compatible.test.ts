import { describe, expect, it } from "vitest";
import { forOpenAi } from "./model-openai-compatible.ts";

// https://platform.openai.com/docs/api-reference/chat/create: max_tokens is deprecated, and not taken by reasoning models.
describe("forOpenAi", () => {
  const body = { model: "m", max_tokens: 5, temperature: 0, seed: 1 };

  it("names the limit as OpenAI does", () => {
    expect(forOpenAi("gpt-4.1-mini", body)).toEqual({ model: "m", max_completion_tokens: 5, temperature: 0, seed: 1 });
  });

  it.each(["gpt-5-mini", "o3", "o4-mini"])("tells %s no temperature", (model) => {
    expect(forOpenAi(model, body)).toEqual({ model: "m", max_completion_tokens: 5, seed: 1 });
  });
});
