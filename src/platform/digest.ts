import { createHash } from "node:crypto";
import type { Plan } from "../domain/plan.ts";

/**
 * JSON with the keys of every object in code-point order and no white space, so that equal values have equal text.
 * Throws TypeError for what JSON has no word for: undefined, functions, symbols, bigint, NaN, infinities, cycles.
 */
export function canonicalJson(value: unknown): string {
  return write(value, []);
}

function write(value: unknown, above: readonly object[]): string {
  if (value === null || typeof value === "string" || typeof value === "boolean") return JSON.stringify(value);
  if (typeof value === "number" && Number.isFinite(value)) return JSON.stringify(value);
  if (typeof value !== "object") throw new TypeError(`A value of type ${typeof value} has no canonical JSON.`);
  if (above.includes(value)) throw new TypeError("A value that contains itself has no canonical JSON.");
  const path = [...above, value];
  if (Array.isArray(value)) return `[${value.map((item) => write(item, path)).join(",")}]`;
  const members = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, item]) => `${JSON.stringify(key)}:${write(item, path)}`).join(",")}}`;
}

/** SHA-256 in lower-case hexadecimal; text is hashed as UTF-8. */
export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** SHA-256 of a plan's canonical JSON, which is also how it is stored: what was approved is what is carried out. */
export function planDigest(plan: Plan): string {
  return sha256(canonicalJson(plan));
}
