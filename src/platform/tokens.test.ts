import { describe, expect, it } from "vitest";
import { countTokens } from "./tokens.ts";

describe("countTokens", () => {
  it("counts by the o200k_base vocabulary", () => {
    expect(countTokens("")).toBe(0);
    expect(countTokens("hello world")).toBe(2);
  });

  it("counts control tokens as plain text", () => {
    expect(countTokens("<|endoftext|>")).toBeGreaterThan(1);
  });

  it.each([
    ["letters", "a"],
    ["spaces", " "],
    ["non-ASCII", "é"],
  ])("stays linear on an unbroken run of %s", (_, character) => {
    countTokens("warm");
    const started = process.cpuUsage();
    expect(countTokens(character.repeat(200_000))).toBeGreaterThan(100);
    expect(process.cpuUsage(started).user).toBeLessThan(1_000_000);
  });
});
