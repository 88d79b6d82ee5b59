const TEXT_MAX = 500;
// Line ends, control characters, and what turns the direction of text or can't be seen.
const UNSEEN = /[\p{Cc}\u2028\u2029\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]+/gu;
const RUNS_OF_SPACE = /\s+/g;
const PLAIN = /^[\w./:+=,-]{1,200}$/;

/** Foreign text as one line of at most `max` characters: no control characters, nothing that can't be seen, single spaces. */
export function oneLine(value: string, max: number): string {
  const line = value
    .slice(0, 2 * max)
    .replaceAll(UNSEEN, " ")
    .replaceAll(RUNS_OF_SPACE, " ")
    .trim();
  return line.length > max || value.length > 2 * max ? `${line.slice(0, max - 2).trimEnd()} …` : line;
}

/** Foreign text as one line of Markdown that shows it as it is: no markup, HTML, links, cells or lines of its own. At most 500 characters of it. */
export function text(value: string): string {
  const line = value.slice(0, TEXT_MAX).replaceAll(UNSEEN, " ").trim() + (value.length > TEXT_MAX ? " …" : "");
  return line
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll(/[\\`*_[\]|~#$!@]/g, "\\$&")
    .replaceAll("://", "\\://")
    .replaceAll(/(www)\./gi, "$1\\.")
    .replace(/^(\d*)([-+=.)])/, "$1\\$2");
}

/** An id, path or commit as code; anything that isn't one as text. */
export function code(value: string): string {
  return PLAIN.test(value) ? `\`${value}\`` : text(value);
}

/** A table of cells that are Markdown already; nothing without rows. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  return [row(head), row(head.map(() => "---")), ...rows.map(row), ""];
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** A second-level heading with its lines; nothing where there are none. */
export function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`## ${title}`, "", ...lines, ...(lines.at(-1) === "" ? [] : [""])];
}

/** The footnote-like source of a line: `(event 12)`, `(events 3, 9)`; nothing without events. */
export function source(events: readonly number[]): string {
  if (events.length === 0) return "";
  const shown = events.length > 6 ? `${events.slice(0, 5).join(", ")}, … ${events.at(-1)}` : events.join(", ");
  return ` (event${events.length > 1 ? "s" : ""} ${shown})`;
}

/** 12345 → `12,345`, whatever the machine's language. */
export function count(value: number): string {
  return Math.round(value)
    .toString()
    .replaceAll(/\B(?=(\d{3})+$)/g, ",");
}

/** Seconds for people: `850 ms`, `12.3 s`, `4 min 05 s`, `2 h 10 min`. */
export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1_000)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3_600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3_600)} h ${Math.floor((whole % 3_600) / 60)} min`;
}

/** A score of 0 to 1 with two decimals, cut rather than rounded, so that 0.799 never reads as 0.80. */
export function score(value: number | null): string {
  return value === null ? "–" : (Math.floor(value * 100 + 1e-9) / 100).toFixed(2);
}
