/** A sentence of a text and the lines that it stands on, counted from the text's first line. */
export interface Sentence {
  text: string;
  line: number;
  end_line: number;
}

// Each stop is tried once, and what follows it is read once.
const END = /[.!?]["')\]*_]*\s+(?=["'([*_`]{0,4}[\p{Lu}\p{N}])/gu;
const ABBREVIATION = /(?:^|[\s(])(?:e\.g|i\.e|etc|vs|cf|approx|resp|incl|max|min|no|fig|st|dr|mr|ms)\.$/i;

/** The sentences of an English text. Line breaks count as spaces and move the line on. Linear in the text. */
export function sentencesOf(text: string, first: number): Sentence[] {
  const found: Sentence[] = [];
  let start = 0;
  let line = first;
  const take = (end: number): void => {
    const whole = text.slice(start, end);
    const sentence = whole.trim();
    const begin = line + breaks(whole.slice(0, whole.indexOf(sentence)));
    if (sentence !== "") found.push({ text: sentence, line: begin, end_line: begin + breaks(sentence) });
    line += breaks(whole);
    start = end;
  };
  for (const { 0: gap, index } of text.matchAll(END)) {
    if (!ABBREVIATION.test(text.slice(Math.max(0, index - 10), index + 1))) take(index + gap.length);
  }
  take(text.length);
  return found;
}

function breaks(text: string): number {
  return text.split("\n").length - 1;
}
