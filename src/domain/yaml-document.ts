import { type Document, isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { InputError } from "./errors.ts";
import { explainIssue, fieldName } from "./zod-issues.ts";

/** Largest text that is parsed at all, in characters. */
const CHARACTERS_MAX = 1_000_000;
const DEPTH_MAX = 32;
/** Values after aliases are expanded, and characters of their texts. */
const VALUES_MAX = 20_000;
/** Marks, values, line ends and comments, before anything is parsed. */
const TOKENS_MAX = 150_000;
const ALIASES_MAX = 100;
const PROBLEMS_MAX = 50;
const FORBIDDEN_KEYS = new Set(["__proto__", "constructor", "prototype"]);
// oxlint-disable-next-line no-control-regex -- they are what it finds
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;

export interface DocumentKind<Schema extends z.ZodType> {
  schema: Schema;
  /** As in "The project spec is not valid." */
  noun: string;
  /** Of the InputError, e.g. `spec_invalid`. */
  code: string;
  remedy: string;
  /** Turns what is written into what the schema describes, item for item, so that problems keep their lines. */
  prepare?: Prepare;
}

export type Prepare = (value: unknown) => { value: unknown; problems: Problem[] };

/** Keys and indexes from the root of a document to a value. */
export type Path = readonly PropertyKey[];
/** What is wrong with the value at `path`, and what to do. */
export interface Problem {
  path: Path;
  message: string;
}

/**
 * Reads one YAML 1.2 or JSON document and checks it against a schema.
 * Every problem names file, line and field; all are reported at once, in an InputError of the kind's code.
 */
export function readDocument<Schema extends z.ZodType>(
  text: string,
  filename: string,
  kind: DocumentKind<Schema>,
): z.output<Schema> {
  const fail = (problems: string[]): never => {
    const { noun, code, remedy } = kind;
    const kept = problems.slice(0, PROBLEMS_MAX);
    if (problems.length > kept.length) kept.push(`${filename}: and ${problems.length - kept.length} more problems`);
    throw new InputError(`The ${noun} in ${filename} is not valid.`, { code, remedy, problems: kept });
  };
  if (text.length > CHARACTERS_MAX) {
    fail([
      `${filename}: has ${text.length} characters, more than the ${CHARACTERS_MAX} allowed; move long texts elsewhere`,
    ]);
  }
  if (text.trim() === "") fail([`${filename}:1: the file is empty; write the ${kind.noun} into it`]);

  const lines = new LineCounter();
  const { document, errors } = parse(text, lines);
  if (document === undefined || errors.length > 0) return fail(errors.map((error) => `${filename}:${error}`));

  const expanded = expand(document);
  const prepared = expanded.problems.length === 0 ? kind.prepare?.(expanded.value) : undefined;
  const { value, problems } = prepared ?? expanded;
  const parsed = kind.schema.safeParse(value);
  if (!parsed.success) {
    const seen = new Set(problems.map(({ path }) => fieldName(path)));
    const issues = parsed.error.issues.flatMap((issue) => explainIssue(kind.schema, issue, value));
    problems.push(...issues.filter(({ path }) => !seen.has(fieldName(path))));
  }
  if (problems.length > 0 || !parsed.success) {
    const located = problems.map(({ path, message }) => ({ line: lineOf(document, lines, path), path, message }));
    located.sort((a, b) => a.line - b.line);
    return fail(located.map(({ line, path, message }) => `${filename}:${line}: ${fieldName(path)}${message}`));
  }
  return parsed.data;
}

/** Syntax errors, as `LINE: what is wrong`. Whatever could make the same text mean two things is one. */
function parse(text: string, lines: LineCounter): { document?: Document.Parsed; errors: string[] } {
  const refused = tooMuch(text);
  if (refused !== undefined) return { errors: [refused] };
  const options = { version: "1.2", uniqueKeys: true, strict: true, prettyErrors: false, lineCounter: lines } as const;
  const document = parseDocument(text, options);
  const errors = [...document.errors, ...document.warnings].map((error) => {
    const { line } = lines.linePos(error.pos[0]);
    if (error.code === "MULTIPLE_DOCS") return `${line}: a second document starts here; keep one document in the file`;
    if (error.code === "DUPLICATE_KEY")
      return `${line}: a field stands here for the second time; remove one of the two`;
    if (error.code === "TAG_RESOLVE_FAILED") return `${line}: custom tags are not allowed; remove the tag`;
    return `${line}: not valid YAML: ${error.message}`;
  });
  if (document.directives.yaml.explicit === true && document.directives.yaml.version !== "1.2") {
    errors.push("1: only YAML 1.2 is read; remove the %YAML directive");
  }
  return { document, errors };
}

/** What the parser must not be given: it calls itself for each level, and keeps an object for each value. */
function tooMuch(text: string): string | undefined {
  let line = 1;
  let brackets = 0;
  let marks = 0;
  let tokens = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === "[" || token === "{") brackets += 1;
    else if (token === "]" || token === "}") brackets -= 1;
    else if (token === "-" || token === "?") marks += 1;
    tokens += 1;
    if (brackets > DEPTH_MAX || marks > DEPTH_MAX) {
      return `${line}: is nested too deep; ${DEPTH_MAX} levels are allowed`;
    }
    if (tokens > TOKENS_MAX) return `${line}: more than ${TOKENS_MAX} values and marks; write fewer`;
    const breaks = token.split("\n").length - 1;
    if (breaks > 0) [line, marks] = [line + breaks, 0];
  }
  return undefined;
}

/** The document as plain data, bounded: aliases expanded, depth and size limited, no key that reaches a prototype. */
function expand(document: Document.Parsed): { value: unknown; problems: Problem[] } {
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: ALIASES_MAX });
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    const message = /excessive alias count/i.test(error.message)
      ? `more than ${ALIASES_MAX} values by alias; write them out`
      : `${error.message}; define the anchor before its alias`;
    return { value: undefined, problems: [{ path: [], message }] };
  }
  const problems: Problem[] = [];
  let room = VALUES_MAX;
  let characters = CHARACTERS_MAX;
  const visit = (item: unknown, path: Path): void => {
    room -= 1;
    if (typeof item === "string") {
      characters -= item.length;
      if (CONTROL.test(item)) problems.push({ path, message: "has a control character; remove it" });
    } else if (typeof item === "number" && !Number.isFinite(item)) {
      problems.push({ path, message: "is not a finite number; write a number" });
    }
    if (typeof item !== "object" || item === null || room < 0 || characters < 0) return;
    if (path.length >= DEPTH_MAX) {
      problems.push({ path, message: `is nested too deep; ${DEPTH_MAX} levels are allowed` });
      return;
    }
    const array = Array.isArray(item);
    for (const [key, member] of Object.entries(item)) {
      const at = [...path, array ? Number(key) : key];
      if (FORBIDDEN_KEYS.has(key)) problems.push({ path: at, message: "this name is not allowed; choose another" });
      else if (CONTROL.test(key)) problems.push({ path: at, message: "the name has a control character; remove it" });
      else visit(member, at);
    }
  };
  visit(value, []);
  if (room < 0) problems.push({ path: [], message: `more than ${VALUES_MAX} values once aliases are expanded` });
  if (characters < 0)
    problems.push({ path: [], message: `more than ${CHARACTERS_MAX} characters once aliases are expanded` });
  return { value, problems };
}

/** For a text that `readDocument` took: the line of the value at a path, or of the nearest thing around it that is there. */
export function lineFinder(text: string): (path: Path) => number {
  const lines = new LineCounter();
  const document = parseDocument(text, { version: "1.2", lineCounter: lines });
  return (path) => lineOf(document, lines, path);
}

/** Line of the value at `path`, or of the nearest thing around it that is there. */
function lineOf(document: Document.Parsed, lines: LineCounter, path: Path): number {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0] ?? 0;
  for (const key of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (pair === undefined || !isScalar(pair.key)) break;
      offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof key === "number") {
      node = node.items[key];
      offset = (node as { range?: [number, number, number] } | undefined)?.range?.[0] ?? offset;
    } else break;
  }
  return lines.linePos(offset).line;
}
