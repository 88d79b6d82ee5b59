import type { Capsule } from "./capsule.ts";

/** Combinations that are tried before two capsules are held to be apart. */
const STEPS_MAX = 10_000;

/** A text as it is compared: words of letters and digits in lower case, each with a space before and after. */
export function wordsOf(text: string): string {
  return ` ${text.toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, " ")} `;
}

/**
 * Words that ask for both capsules equally: a phrase of each of one's groups, which meets all of the other's.
 * Undefined when there are none, or when one has more groups, for then it is the one that is taken.
 */
export function ambiguousWords(a: Pick<Capsule, "capabilities">, b: Pick<Capsule, "capabilities">): string | undefined {
  if (a.capabilities.length === 0 || a.capabilities.length !== b.capabilities.length) return undefined;
  return meeting(a.capabilities, b.capabilities) ?? meeting(b.capabilities, a.capabilities);
}

function meeting(said: readonly string[][], wanted: readonly string[][]): string | undefined {
  const chosen: (string | undefined)[] = said.map(() => undefined);
  let steps = 0;
  const from = (at: number): boolean => {
    const group = wanted[at];
    if (group === undefined) return true;
    for (const [index, phrases] of said.entries()) {
      for (const phrase of phrases) {
        steps += 1;
        if (steps > STEPS_MAX) return false;
        const before = chosen[index];
        if (before !== undefined && before !== phrase) continue;
        if (!group.some((word) => wordsOf(phrase).includes(` ${word.toLowerCase()} `))) continue;
        chosen[index] = phrase;
        if (from(at + 1)) return true;
        chosen[index] = before;
      }
    }
    return false;
  };
  return from(0) ? chosen.map((phrase, index) => phrase ?? said[index]?.[0]).join(" ") : undefined;
}
