import { createContext, Script } from "node:vm";

/**
 * Longer means a pattern that backtracks without end. Time on the clock, and a busy machine must not refuse a good
 * pattern, which takes microseconds.
 */
const MATCH_MS_MAX = 1_000;

// A context of its own is what can be given a time limit; nothing but two strings goes in.
const scope = { pattern: "", example: "", matches: false };
const context = createContext(scope);
const match = new Script('matches = new RegExp(`^(?:${pattern})$`, "u").test(example)');

/** What is wrong with a regular expression, or with an example that the whole of it must match; empty: nothing. */
export function patternProblem(example: unknown, pattern: unknown): string {
  Object.assign(scope, { pattern: String(pattern), example: String(example), matches: false });
  try {
    match.runInContext(context, { timeout: MATCH_MS_MAX });
  } catch (error) {
    // No `instanceof`: the error may be of the other context.
    const { code } = error as { code?: unknown };
    return code === "ERR_SCRIPT_EXECUTION_TIMEOUT"
      ? "the pattern takes too long to match"
      : "the pattern is no regular expression";
  }
  return scope.matches ? "" : "does not match the pattern";
}

/** Characters as Python and JSON Schema count them. */
export function codePoints(value: unknown): number {
  return Array.from(String(value)).length;
}
