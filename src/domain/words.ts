const STOP = new Set(
  (
    "a an and any are as at be been being but by can could do does down each else every few for from had has have he her his how i if in into is it its just " +
    "like may me might more most my need needs no nor not of off on once one only or other our out over own per s same she should shall so some such t than that the their them then " +
    "there these they this those through to too under until up upon us very via was we were what when where which while who whom why will with within without would you your must also able want wants"
  ).split(" "),
);
const SUFFIXES =
  "ization isation ations ation ating ments ment ates ated ings ions ate ing ied ies ers ion ed es er ly s e y".split(
    " ",
  );
/** What is left of a word when an ending is taken off. */
const STEM_MIN = 3;
const WORD_MAX = 40;

/**
 * The words of an English text that carry meaning, by what is left without their endings: "validates" and "validated"
 * are one. In order, at most `max`. Light on purpose: it takes off one ending and knows no exceptions.
 */
export function stemsOf(text: string, max: number): Map<string, string> {
  const stems = new Map<string, string>();
  for (const [word] of text.toLowerCase().matchAll(/[\p{L}\p{N}]+/gu)) {
    if (STOP.has(word)) continue;
    const key = stem(word.slice(0, WORD_MAX));
    if (!stems.has(key)) stems.set(key, word.slice(0, WORD_MAX));
    if (stems.size >= max) break;
  }
  return stems;
}

function stem(word: string): string {
  const suffix = SUFFIXES.find((ending) => word.endsWith(ending) && word.length - ending.length >= STEM_MIN);
  if (suffix === undefined) return word;
  const rest = word.slice(0, -suffix.length);
  // "stopped" is "stop", "dividing" and "divide" are "divid"
  return /(?:ed|ing|er)s?$/.test(suffix) && /([bdgmnprt])\1$/.test(rest) ? rest.slice(0, -1) : rest;
}
