import type { Transaction } from "kysely";
import { ConflictError } from "../domain/errors.ts";
import type { Database } from "../persistence/schema.ts";
import { canonicalJson, sha256 } from "../platform/digest.ts";

/**
 * Runs `create` once for the principal's key, inside the caller's transaction, and gives every repetition the first
 * answer. The same key with another request is a conflict. Two at once: the second waits for the first one's commit.
 */
export async function once<T extends object>(
  tx: Transaction<Database>,
  at: { principal: string; key: string | undefined; request: unknown },
  create: () => Promise<T>,
): Promise<T> {
  const { principal, key } = at;
  if (key === undefined) return create();
  const request_digest = sha256(canonicalJson(at.request));
  const claimed = await tx
    .insertInto("idempotency_keys")
    .values({ principal, key, request_digest, response: "{}" })
    .onConflict((oc) => oc.doNothing())
    .returning("key")
    .executeTakeFirst();
  if (claimed === undefined) {
    const earlier = await tx
      .selectFrom("idempotency_keys")
      .select(["request_digest", "response"])
      .where("principal", "=", principal)
      .where("key", "=", key)
      .executeTakeFirstOrThrow();
    if (earlier.request_digest === request_digest) return earlier.response as T;
    throw new ConflictError("This Idempotency-Key was used for another request.", "Use a new key for a new request.");
  }
  const response = await create();
  await tx
    .updateTable("idempotency_keys")
    .set({ response: JSON.stringify(response) })
    .where("principal", "=", principal)
    .where("key", "=", key)
    .execute();
  return response;
}
