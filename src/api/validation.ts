import { z } from "@hono/zod-openapi";
import { InputError } from "../domain/errors.ts";

const PROBLEMS_MAX = 50;

/** A failed schema as one InputError: a line a problem, each naming its field. */
export function invalidInput(target: string, error: { issues: readonly z.core.$ZodIssue[] }): InputError {
  const lines = error.issues.slice(0, PROBLEMS_MAX).map((issue) => {
    const path = issue.path.map(String).join(".");
    return path === "" ? issue.message : `${path}: ${issue.message}`;
  });
  return new InputError(`The request's ${target} is not valid.`, { code: "request_invalid", problems: lines });
}

/**
 * The schema under a name in the OpenAPI document. The document gets JSON Schema as zod itself writes it,
 * with values of any JSON (which are recursive) left open: the OpenAPI generator can't follow recursion.
 */
export function documented<T extends z.ZodType>(name: string, schema: T, io: "input" | "output" = "output"): T {
  const { $schema: _dialect, $defs: _recursive, ...json } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return schema.clone().openapi(name, withoutReferences(json) as object);
}

function withoutReferences(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutReferences);
  if (value === null || typeof value !== "object") return value;
  if ("$ref" in value) return {};
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutReferences(item)]));
}
