import type { Db } from "../persistence/database.ts";
import type { Memory } from "../ports/memory.ts";

/** Memory in the product's own database, searchable by PostgreSQL's full text. */
export function createPostgresMemory(db: Db): Memory {
  return {
    adapter: "postgres",

    async snapshot(project_id, tenant, key, content) {
      const inserted = await db
        .insertInto("memory_snapshots")
        .values({ project_id, tenant, key, content: JSON.stringify(content) })
        .onConflict((oc) => oc.doNothing())
        .returning("id")
        .executeTakeFirst();
      if (inserted !== undefined) return { reference: inserted.id, created: true };
      const { id } = await db
        .selectFrom("memory_snapshots")
        .select("id")
        .where("project_id", "=", project_id)
        .where("key", "=", key)
        .executeTakeFirstOrThrow();
      return { reference: id, created: false };
    },
  };
}
