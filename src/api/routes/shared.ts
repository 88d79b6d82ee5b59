import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { Id } from "../../domain/ids.ts";
import { Problem, PROBLEM_TYPE } from "../problem.ts";

export const PAGE_MAX = 1_000;

export const ProjectParams = z.strictObject({ id: Id.clone().openapi({ param: { name: "id", in: "path" } }) });

/** Page bounds: `after` is the place in the list to go on from, `limit` how many. */
export const page = (limit: number) => ({
  after: z.coerce.number().int().min(0).max(1_000_000_000).default(0),
  limit: z.coerce.number().int().min(1).max(PAGE_MAX).default(limit),
});

/** A list with the place to go on from; null at its end. */
export const listOf = <T extends z.ZodType>(name: string, item: T) =>
  z.object({ items: z.array(item), next: z.int().nullable() }).openapi(name);

export function pageOf<T>(items: T[], { after, limit }: { after: number; limit: number }) {
  return { items, next: items.length < limit ? null : after + items.length };
}

export const json = <T extends z.ZodType>(description: string, schema: T) => ({
  description,
  content: { "application/json": { schema } },
});

export const body = <T extends z.ZodType>(schema: T) => ({
  body: { required: true, content: { "application/json": { schema } } },
});

/** Any error, as RFC 9457 problem details. */
export const problems = {
  default: { description: "Problem details (RFC 9457)", content: { [PROBLEM_TYPE]: { schema: Problem } } },
};

/** Printable ASCII, 1 to 200 characters, as the header's draft allows. */
export const IdempotencyHeaders = z.object({
  "idempotency-key": z
    .string()
    .regex(/^[\x20-\x7e]{1,200}$/)
    .optional(),
});

export function text(c: Context, content: string | Uint8Array, mediaType: string): Response {
  const charset = mediaType.startsWith("text/") ? "; charset=utf-8" : "";
  return c.body(content as string, 200, { "content-type": mediaType + charset, "x-content-type-options": "nosniff" });
}
