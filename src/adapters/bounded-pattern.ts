import { createContext, runInContext } from "node:vm";
import { InputError } from "../domain/errors.ts";

/** Longer means a pattern that backtracks without end; a good one takes microseconds, also on a busy machine. */
const MATCH_MS_MAX = 1_000;
const context = createContext(Object.create(null));

/**
 * A regular expression of a capsule, whose author is not trusted: some take years for a short text. V8 stops it where
 * the time is up, which only a context of its own can ask for. Throws InputError `pattern_too_slow`.
 */
export function boundedPattern(pattern: string, flags: string): { test(text: string): boolean; toString(): string } {
  const source = `new RegExp(${JSON.stringify(pattern)}, ${JSON.stringify(flags)})`;
  const compiled = runInContext(`(${source})`, context) as RegExp;
  return {
    toString: () => source, // Ajv tells patterns apart by it
    test(text) {
      Object.assign(context, { compiled, text });
      try {
        return runInContext("compiled.test(text)", context, { timeout: MATCH_MS_MAX }) as boolean;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
        throw new InputError("A pattern of the capsule takes too long to match.", {
          code: "pattern_too_slow",
          problems: [`parameters: the pattern ${pattern.slice(0, 100)} takes more than ${MATCH_MS_MAX} ms`],
          remedy: "Write it without nested repetition.",
        });
      }
    },
  };
}
boundedPattern.code = "new RegExp"; // Ajv writes it into code that stands alone, which isn't made here
