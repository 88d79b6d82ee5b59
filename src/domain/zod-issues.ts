import { z } from "zod";
import { nearest } from "./nearest.ts";

type Path = readonly PropertyKey[];
type Issue = z.core.$ZodIssue;

/** `budget.tokens: `, `goals[0]: `, or nothing for the document itself. */
export function fieldName(path: Path): string {
  const name = path.map((key) =>
    typeof key === "number" ? `[${key}]` : `.${JSON.stringify(String(key)).slice(1, -1)}`,
  );
  return path.length === 0 ? "" : `${name.join("").replace(/^\./, "")}: `;
}

/** A schema's complaint as what is wrong and what to do, one for each field that it names. */
export function explainIssue(schema: z.ZodType, issue: Issue, value: unknown): { path: Path; message: string }[] {
  if (issue.code !== "unrecognized_keys") return [{ path: issue.path, message: explain(issue, at(value, issue.path)) }];
  const known = fieldsAt(schema, issue.path);
  return issue.keys.map((key) => {
    const guess = nearest(key, known);
    const way = guess === undefined ? `known here: ${known.join(", ")}` : `did you mean "${guess}"?`;
    return { path: [...issue.path, key], message: `unknown field; ${way}` };
  });
}

function explain(issue: Issue, found: unknown): string {
  const shown = typeof found === "number" ? ` (it is ${found})` : "";
  switch (issue.code) {
    case "invalid_type":
      return found === undefined
        ? `is missing; add it (${article(issue.expected)})`
        : `must be ${article(issue.expected)}, and is ${article(typeName(found))}`;
    case "too_small":
    case "too_big": {
      const small = issue.code === "too_small";
      const limit = small ? issue.minimum : issue.maximum;
      if (issue.origin === "array") return `must have at ${small ? "least" : "most"} ${limit} item${plural(limit)}`;
      if (issue.origin === "string")
        return `must have at ${small ? "least" : "most"} ${limit} character${plural(limit)}`;
      if (issue.inclusive === false) return `must be ${small ? "greater" : "less"} than ${limit}${shown}`;
      return `must be at ${small ? "least" : "most"} ${limit}${shown}`;
    }
    case "invalid_value":
      return `must be one of ${issue.values.map(String).join(", ")}`;
    case "invalid_format":
      return `must look like ${issue.pattern ?? issue.format}`;
    default:
      return issue.message;
  }
}

const plural = (count: number | bigint): string => (count === 1 ? "" : "s");

function article(type: string): string {
  const name = { int: "whole number", record: "map", object: "map", array: "list", string: "text" }[type] ?? type;
  return name === "null" ? "empty" : `a ${name}`;
}

function typeName(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

function at(value: unknown, path: Path): unknown {
  let here = value;
  for (const key of path) here = (here as Record<PropertyKey, unknown> | null | undefined)?.[key];
  return here;
}

/** Names of the fields that the schema knows at `path`. */
function fieldsAt(schema: z.ZodType, path: Path): string[] {
  let here = unwrap(schema);
  for (const key of path) {
    if (here instanceof z.ZodObject) here = unwrap(here.shape[String(key)] as z.ZodType | undefined);
    else if (here instanceof z.ZodArray) here = unwrap(here.element as z.ZodType);
    else return [];
  }
  return here instanceof z.ZodObject ? Object.keys(here.shape) : [];
}

function unwrap(schema: z.ZodType | undefined): z.ZodType | undefined {
  let here = schema;
  while (here instanceof z.ZodOptional || here instanceof z.ZodDefault || here instanceof z.ZodPrefault) {
    here = here.unwrap() as z.ZodType;
  }
  return here;
}
