// Filters that put foreign text into a language's own literals. Whatever the text, it stays inside the literal.

// Controls, invisible format characters, direction overrides and lone surrogates: a reader can't see them.
export const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;
const WIDE =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u;
const PYTHON_KEYWORDS = new Set(
  "False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield match case type".split(
    " ",
  ),
);
/** As in the generated pyproject.toml. */
const LINE_LENGTH = 100;

/** A Python string literal with the quotes that ruff's formatter prefers. */
export function pythonString(value: unknown): string {
  const text = String(value);
  const doubles = text.split('"').length;
  const quote = doubles > text.split("'").length ? "'" : '"';
  const body = text.replaceAll("\\", "\\\\").replaceAll(quote, `\\${quote}`).replaceAll(HIDDEN, pythonEscape);
  return quote + body + quote;
}

function pythonEscape(character: string): string {
  const named = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[character];
  const code = character.codePointAt(0) ?? 0;
  const hex = code.toString(16);
  if (named !== undefined) return named;
  if (code <= 0xff) return `\\x${hex.padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

/**
 * `NAME = "text"` as ruff's formatter lays it out: in parentheses where only that keeps it within the line. `name` may
 * begin with `indent` spaces and have an annotation.
 */
export function pythonConstant(value: unknown, name: string, indent = 0): string {
  const literal = pythonString(value);
  const width = widthOf(literal);
  const fits = name.length + 3 + width <= LINE_LENGTH;
  const margin = " ".repeat(indent);
  return fits || indent + 4 + width > LINE_LENGTH
    ? `${name} = ${literal}`
    : `${name} = (\n${margin}    ${literal}\n${margin})`;
}

/** Expressions as the items of a tuple with a comma after it, as ruff's formatter lays it out: one a line where they don't fit on one. */
export function pythonTuple(items: readonly unknown[], indent: number): string {
  const flat = `(${items.join(", ")}),`;
  return indent + widthOf(flat) <= LINE_LENGTH ? flat : `(${exploded(items, indent)}),`;
}

/** `from module import a, b` as ruff's formatter lays it out. The names come sorted. */
export function pythonImport(names: readonly unknown[], module: string): string {
  const flat = `from ${module} import ${names.join(", ")}`;
  return flat.length <= LINE_LENGTH ? flat : `from ${module} import (${exploded(names, 0)})`;
}

function exploded(items: readonly unknown[], indent: number): string {
  const margin = " ".repeat(indent);
  return `\n${items.map((item) => `${margin}    ${String(item)},\n`).join("")}${margin}`;
}

/** A sentence as a docstring of one line. What would end the literal or need an escape is replaced by its like. */
export function pythonDocstring(value: unknown): string {
  const line = String(value).toWellFormed().replaceAll(HIDDEN, " ").replaceAll(/\s+/g, " ").trim();
  const text = line.startsWith('"') || line.includes('"""') ? line.replaceAll('"', "'") : line;
  const sentence = /[.?!]$/.test(text) ? text : `${text}.`;
  return `${text.includes("\\") ? "r" : ""}"""${sentence}"""`;
}

function widthOf(text: string): number {
  return Array.from(text).reduce((sum, character) => sum + columns(character), 0);
}

/** Columns that a character takes in a terminal. */
export function columns(character: string): number {
  if (/\p{Mn}|\p{Me}/u.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** A Python identifier in snake_case made from any text. */
export function pythonIdentifier(value: unknown): string {
  const words = String(value)
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .toLowerCase()
    .match(/[a-z0-9]+/g) ?? ["x"];
  const name = words.join("_").slice(0, 30).replace(/_+$/, "");
  if (/^\d/.test(name)) return `x${name}`;
  return PYTHON_KEYWORDS.has(name) ? `${name}_` : name;
}

/** `task_list` or `task list` as `TaskList`. */
export function pascalCase(value: unknown): string {
  const words = String(value).match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

/** A TOML basic string. */
export function tomlString(value: unknown): string {
  const text = String(value).toWellFormed();
  return JSON.stringify(text).replaceAll(HIDDEN, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code <= 0xffff ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
  });
}

/** Text for a paragraph of Markdown: on one line, nothing in it is markup or HTML. */
export function markdownText(value: unknown): string {
  return guardStart(escaped(oneLine(value)));
}

/** The same, but for `code` between single backticks, which stays code. */
export function markdownInline(value: unknown): string {
  const parts = oneLine(value).split(/(?<!`)(`[^`\s](?:[^`]*[^`\s])?`)(?!`)/);
  return guardStart(parts.map((part, index) => (index % 2 === 1 ? part : escaped(part))).join(""));
}

function oneLine(value: unknown): string {
  return String(value).toWellFormed().replaceAll(/\s+/g, " ").replaceAll(HIDDEN, "").trim();
}

function escaped(line: string): string {
  return line.replaceAll(/[\\`*_{}[\]<>|&~#!$^:@]/g, escapeMarkdown);
}

/** What would begin a list, a heading, a comment or a label is escaped. */
function guardStart(line: string): string {
  return line.replace(/^([-+=%(]|\d+[.)])/, (mark) => `${mark.slice(0, -1)}\\${mark.slice(-1)}`);
}

/** Inside a word these are plain: `a_b`, `10:30`, `a!`. Everything else is escaped. */
function escapeMarkdown(character: string, at: number, line: string): string {
  const after = line[at + 1];
  const plain = (character === ":" || character === "!") && (after === " " || after === undefined);
  return plain ? character : `\\${character}`;
}
