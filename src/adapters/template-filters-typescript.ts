// Filters for TypeScript and JSON, laid out as oxfmt lays them out.
import { columns, HIDDEN } from "./template-filters.ts";

/** The formatter's own default. */
const LINE_LENGTH = 100;

/** A string literal of JavaScript with the quotes that the formatter prefers. */
export function scriptString(value: unknown): string {
  const text = String(value).toWellFormed();
  const quote = text.split('"').length > text.split("'").length ? "'" : '"';
  const body = text.replaceAll("\\", "\\\\").replaceAll(quote, `\\${quote}`).replaceAll(HIDDEN, scriptEscape);
  return quote + body + quote;
}

function scriptEscape(character: string): string {
  const named = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[character];
  const hex = (character.codePointAt(0) ?? 0).toString(16);
  return named ?? (hex.length <= 4 ? `\\u${hex.padStart(4, "0")}` : `\\u{${hex}}`);
}

/** `name: "text",` of an object that is indented by `indent` columns; the text is on its own line where that is too long. */
export function scriptProperty(value: unknown, name: string, indent: number): string {
  const literal = scriptString(value);
  const flat = `${name}: ${literal},`;
  return indent + widthOf(flat) <= LINE_LENGTH ? flat : `${name}:\n${" ".repeat(indent + 2)}${literal},`;
}

/** `name: ["a", "b"],` of an object, one text a line where they don't fit on one. */
export function scriptList(values: readonly unknown[], name: string, indent: number): string {
  const literals = values.map(scriptString);
  const flat = `${name}: [${literals.join(", ")}],`;
  if (indent + widthOf(flat) <= LINE_LENGTH) return flat;
  const margin = " ".repeat(indent);
  return `${name}: [\n${literals.map((literal) => `${margin}  ${literal},\n`).join("")}${margin}],`;
}

/** `name: "a" | "b";` of an interface, one text a line where they don't fit on one. */
export function scriptUnion(values: readonly unknown[], name: string, indent: number): string {
  const literals = values.map(scriptString);
  const flat = `${name}: ${literals.join(" | ")};`;
  if (indent + widthOf(flat) <= LINE_LENGTH || literals.length === 1) return flat;
  const margin = `\n${" ".repeat(indent + 2)}| `;
  return `${name}:${margin}${literals.join(margin)};`;
}

/** Text for a JSDoc comment: on one line, and nothing in it ends the comment or is a tag. */
export function docComment(value: unknown): string {
  const line = String(value).toWellFormed().replaceAll(/\s+/g, " ").replaceAll(HIDDEN, "").trim();
  return line.replaceAll("*/", "*\\/").replaceAll("@", "\\@");
}

/** A JSON string in which nothing is hidden. */
export function jsonString(value: unknown): string {
  return JSON.stringify(String(value).toWellFormed()).replaceAll(HIDDEN, (character) =>
    Array.from({ length: character.length }, (_, index) => jsonEscape(character.charCodeAt(index))).join(""),
  );
}

function jsonEscape(code: number): string {
  return `\\u${code.toString(16).padStart(4, "0")}`;
}

/** One atom of a pattern without groups, and how often it stands. */
const ATOM =
  /(?:\\(?<kind>[dw])|\\(?<escaped>.)|\[(?<first>[^\]])[^\]]*\]|(?<plain>[^\\[\]{}?+*]))(?:\{(?<least>\d+)(?:,(?<most>\d+))?\}|(?<often>[?+*]))?/gy;

/**
 * A text that a regular expression of atoms, classes and counts matches as a whole; with no groups and no alternatives
 * the first choice at every place is one. Throws RangeError when a count's limits are the wrong way round.
 */
export function patternSample(value: unknown): string {
  return [...String(value).matchAll(ATOM)]
    .map(({ groups = {} }) => {
      const { kind, escaped, first, plain, least, most } = groups;
      if (most !== undefined && Number(most) < Number(least))
        throw new RangeError(`in ${String(value)} the count {${least},${most}} is the wrong way round`);
      const one = kind === undefined ? (escaped ?? first ?? plain ?? "") : kind === "d" ? "1" : "a";
      return one.repeat(least === undefined ? 1 : Number(least));
    })
    .join("");
}

function widthOf(text: string): number {
  return Array.from(text).reduce((sum, character) => sum + columns(character), 0);
}
