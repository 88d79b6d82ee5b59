import { printable } from "../../platform/text.ts";

/** Minutes, seconds and tenths, `00:03.2`; from an hour on `1:02:03`. */
export function duration(milliseconds: number): string {
  const tenths = Math.max(0, Math.floor(milliseconds / 100));
  const seconds = Math.floor(tenths / 10);
  const pad = (value: number): string => String(value).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes >= 60) return `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${pad(seconds % 60)}`;
  return `${pad(minutes)}:${pad(seconds % 60)}.${tenths % 10}`;
}

const thousands = new Intl.NumberFormat("en-US");

/** `1,204`. */
export function count(value: number): string {
  return thousands.format(value);
}

export function score(value: number | null): string {
  return value === null ? "" : value.toFixed(2);
}

export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

// Characters that terminals draw two cells wide: CJK, Hangul, full-width forms, emoji.
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u;
const segmenter = new Intl.Segmenter();

/** Width in terminal cells. */
export function width(text: string): number {
  let cells = 0;
  for (const { segment } of segmenter.segment(text)) cells += cellsOf(segment);
  return cells;
}

function cellsOf(grapheme: string): number {
  return grapheme.length > 1 || grapheme > "\u10ff" ? (WIDE.test(grapheme) ? 2 : 1) : 1;
}

/** One line of at most `max` cells, without control characters; what is cut off shows as `…`. */
export function line(text: string, max: number): string {
  const flat = printable(text).replaceAll(/ *[\t\n][\t\n ]*/g, " ");
  if (width(flat) <= max) return flat;
  let kept = "";
  let cells = 0;
  for (const { segment } of segmenter.segment(flat)) {
    const more = cellsOf(segment);
    if (cells + more > max - 1) break;
    kept += segment;
    cells += more;
  }
  return max < 1 ? "" : `${kept}…`;
}

/** Exactly `cells` wide: cut or filled up, to the right for `start`, to the left for `end`. */
export function cell(text: string, cells: number, align: "start" | "end" = "start"): string {
  const cut = line(text, cells);
  const fill = " ".repeat(Math.max(0, cells - width(cut)));
  return align === "start" ? cut + fill : fill + cut;
}
