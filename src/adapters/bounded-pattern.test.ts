import { expect, it } from "vitest";
import { InputError } from "../domain/errors.ts";
import { boundedPattern } from "./bounded-pattern.ts";

it("matches like any pattern", () => {
  expect(boundedPattern("^[a-z]+$", "u").test("abc")).toBe(true);
  expect(boundedPattern("^[a-z]+$", "u").test("a1")).toBe(false);
  expect(() => boundedPattern("(", "u")).toThrow(/Invalid regular expression/);
});

it("stops a pattern that would take years", () => {
  const started = performance.now();
  const slow = boundedPattern("^(a+)+$", "u");
  expect(() => slow.test(`${"a".repeat(60)}!`)).toThrow(InputError);
  expect(performance.now() - started).toBeLessThan(5_000);
  expect(slow.test("aaa")).toBe(true);
});

it("gives a pattern nothing of ours to reach", () => {
  expect(() => boundedPattern('", process.exit(), "', "u")).not.toThrow();
});
