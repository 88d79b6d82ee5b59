import type { Kysely } from "kysely";
import type { ArtifactRef } from "../domain/ids.ts";
import type { Database } from "./schema.ts";

/** Lists an artifact under the project. The newest of one kind and subject stands. */
export async function recordArtifact(
  db: Kysely<Database>,
  project_id: string,
  kind: string,
  subject: string,
  ref: ArtifactRef,
): Promise<void> {
  await db
    .insertInto("artifacts")
    .values({ project_id, kind, subject, ...ref })
    .onConflict((oc) => oc.columns(["project_id", "kind", "subject"]).doUpdateSet(ref))
    .execute();
}
