import { createRequire } from "node:module";

/** The tokenizer's time grows with the square of an unbroken run, so longer runs are counted in pieces. */
const RUN_MAX = 500;
const LONG_RUN = new RegExp(`\\S{${RUN_MAX + 1}}|\\s{${RUN_MAX + 1}}`);

type Count = (text: string, options: { disallowedSpecial: Set<string> }) => number;

let count: Count | undefined;

/**
 * Tokens of a text by the o200k_base encoding; text that looks like a control token is counted as plain text.
 * The first call loads the vocabulary (about 130 ms).
 */
export function countTokens(text: string): number {
  count ??= load();
  const options = { disallowedSpecial: new Set<string>() };
  if (!LONG_RUN.test(text)) return count(text, options);
  let total = 0;
  for (let start = 0; start < text.length; start += RUN_MAX) {
    total += count(text.slice(start, start + RUN_MAX), options);
  }
  return total;
}

function load(): Count {
  const require = createRequire(import.meta.url);
  return (require("gpt-tokenizer/encoding/o200k_base") as { countTokens: Count }).countTokens;
}
