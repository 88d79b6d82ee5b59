/** Longest run of words that one `*` in a phrase may stand for. */
const GAP_WORDS_MAX = 4;
const PHRASE_PARTS_MAX = 12;

/** Letters of other scripts that look like Latin ones, which hide a word from a plain comparison. */
const LOOKALIKES = new Map(
  zip("\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u0501\u03bf\u03b1\u03c1", "aeopcyxijshdoap"),
);

function zip(from: string, to: string): [string, string][] {
  return Array.from(from, (letter, index) => [letter, to.charAt(index)]);
}

// Bidirectional overrides, tag characters and invisible separators: they show a reader something else than a program reads.
// U+200C and U+200D are left out, for Persian and emoji need them.
const HIDDEN = /[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/u;

/** Whether a text holds characters that a reader can't see. */
export function hasHiddenCharacters(text: string): boolean {
  return HIDDEN.test(text);
}

/** The text's words as compared: lower case, without accents, look-alike letters, apostrophes and invisible characters. */
export function wordsOf(text: string): string[] {
  const plain = text
    .normalize("NFKD")
    .replaceAll(/[\p{M}\p{Cf}'’]/gu, "")
    .toLowerCase()
    .replaceAll(/[\u0370-\u052f]/g, (letter) => LOOKALIKES.get(letter) ?? letter);
  return plain.match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** For a `gap`, `words` are those that it may not skip. */
interface Part {
  kind: "word" | "not" | "gap";
  words: ReadonlySet<string>;
}

/** Phrases by the words that they can start with, so that a word which starts none costs one look-up. */
export type PhraseIndex = ReadonlyMap<string, readonly (readonly Part[])[]>;

/**
 * Compiles phrases: words separated by spaces, `a|b` for alternatives, `*` for up to four words
 * (`*!a|b`: none of these), and `!a|b` where none of these words may come next. `ignore|forget * instructions` finds "Ignore all previous instructions".
 * Throws RangeError for a phrase that starts with `*` or `!`, or has more than 12 parts: a match must stay cheap.
 */
export function compilePhrases(phrases: readonly string[]): PhraseIndex {
  const index = new Map<string, (readonly Part[])[]>();
  for (const phrase of phrases) {
    const [first, ...rest] = phrase.trim().split(/\s+/).map(partOf);
    if (first?.kind !== "word") throw new RangeError(`The phrase "${phrase}" must start with a word.`);
    if (rest.length >= PHRASE_PARTS_MAX || rest.filter((part) => part.kind === "gap").length > 2)
      throw new RangeError(`The phrase "${phrase}" has more than ${PHRASE_PARTS_MAX} parts or more than two "*".`);
    for (const word of first.words) index.set(word, [...(index.get(word) ?? []), rest]);
  }
  return index;
}

function partOf(text: string): Part {
  if (text === "*") return { kind: "gap", words: new Set() };
  const kind = text.startsWith("*!") ? "gap" : text.startsWith("!") ? "not" : "word";
  const words = new Set(text.replace(/^\*?!/, "").split("|").flatMap(wordsOf));
  if (words.size === 0) throw new RangeError(`"${text}" has no words.`);
  return { kind, words };
}

/** Whether any of the texts holds any of the phrases. Time grows with the words of the texts; nothing backtracks further than two gaps. */
export function mentionsPhrase(texts: readonly string[], phrases: PhraseIndex): boolean {
  return texts.some((text) => {
    const words = wordsOf(text);
    return words.some((word, at) => phrases.get(word)?.some((rest) => matchesAt(words, at + 1, rest, 0)) ?? false);
  });
}

function matchesAt(words: readonly string[], at: number, parts: readonly Part[], index: number): boolean {
  const part = parts[index];
  if (part === undefined) return true;
  if (part.kind === "gap") {
    for (let skipped = 0; skipped <= GAP_WORDS_MAX; skipped++) {
      if (matchesAt(words, at + skipped, parts, index + 1)) return true;
      if (part.words.has(words[at + skipped] ?? "")) return false;
    }
    return false;
  }
  const word = words[at];
  if (part.kind === "not")
    return (word === undefined || !part.words.has(word)) && matchesAt(words, at, parts, index + 1);
  return word !== undefined && part.words.has(word) && matchesAt(words, at + 1, parts, index + 1);
}
