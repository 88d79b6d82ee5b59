import { type Kysely, type Selectable, sql, type Transaction } from "kysely";
import { ConflictError, NotFoundError } from "../domain/errors.ts";
import type { Database } from "./schema.ts";

export type Installation = Selectable<Database["installations"]>;

export type Published = Selectable<Database["capsules"]>;

/** Names of a content and its text. */
export interface StoredContent {
  capsule_id: string;
  version: string;
  digest: string;
  content: string;
}

/** Versions of one capsule that may be published. */
const VERSIONS_MAX = 1_000;
/** Versions of all capsules that may be published. */
const PUBLISHED_MAX = 10_000;
const NEWEST = sql`string_to_array(version, '.')::int[]`;

/** Keeps contents for plans that will name them. What is there stays. */
export async function keepContents(
  db: Kysely<Database>,
  contents: readonly StoredContent[],
  shipped: boolean,
): Promise<void> {
  if (contents.length === 0) return;
  await db
    .insertInto("capsule_contents")
    .values(contents.map((content) => ({ ...content, shipped })))
    .onConflict((oc) =>
      oc.column("digest").doUpdateSet({ shipped: sql<boolean>`capsule_contents.shipped or excluded.shipped` }),
    )
    .execute();
}

/** A published version never changes: the same content again is no news, another one is a conflict. */
export async function publishCapsule(
  tx: Transaction<Database>,
  content: StoredContent,
  published_by: string,
): Promise<{ fresh: boolean }> {
  const { capsule_id: id, version, digest } = content;
  await keepContents(tx, [content], false);
  const { all, own } = await tx
    .selectFrom("capsules")
    .select((eb) => [eb.fn.countAll<number>().as("all"), eb.fn.countAll<number>().filterWhere("id", "=", id).as("own")])
    .executeTakeFirstOrThrow();
  if (own >= VERSIONS_MAX || all >= PUBLISHED_MAX) {
    throw new ConflictError(
      `${own} versions of ${id} and ${all} in all are published already; ${VERSIONS_MAX} and ${PUBLISHED_MAX} are allowed.`,
    );
  }
  const added = await tx
    .insertInto("capsules")
    .values({ id, version, digest, published_by })
    .onConflict((oc) => oc.doNothing())
    .returning("id")
    .executeTakeFirst();
  if (added !== undefined) return { fresh: true };
  const known = await tx
    .selectFrom("capsules")
    .select("digest")
    .where("id", "=", id)
    .where("version", "=", version)
    .executeTakeFirstOrThrow();
  if (known.digest === digest) return { fresh: false };
  throw new ConflictError(
    `${id} ${version} is published with another content (${known.digest.slice(0, 12)}).`,
    "Published versions never change; raise the version.",
  );
}

/** Published versions of one capsule, or of all, the newest of each first. */
export function publishedCapsules(db: Kysely<Database>, id?: string): Promise<Published[]> {
  const query = db.selectFrom("capsules").selectAll().orderBy("id").orderBy(NEWEST, "desc");
  return (id === undefined ? query : query.where("id", "=", id)).execute();
}

/** The published version, or the newest one. Fails with NotFoundError. */
export async function publishedVersion(
  db: Kysely<Database>,
  id: string,
  version?: string,
): Promise<{ version: string; digest: string }> {
  let query = db.selectFrom("capsules").select(["version", "digest"]).where("id", "=", id);
  if (version !== undefined) query = query.where("version", "=", version);
  const row = await query.orderBy(NEWEST, "desc").executeTakeFirst();
  if (row !== undefined) return row;
  const name = version === undefined ? id : `${id} ${version}`;
  throw new NotFoundError("published capsule", name, "`kamachiq capsule list` lists what is published.");
}

/** What is in force for a tenant: of each capsule the installation with the highest sequence. */
export function currentInstallations(db: Kysely<Database>, tenant: string): Promise<Installation[]> {
  return db
    .selectFrom("installations")
    .selectAll()
    .distinctOn("capsule_id")
    .where("tenant", "=", tenant)
    .orderBy("capsule_id")
    .orderBy("sequence", "desc")
    .execute();
}

/** Puts a published version in force. The one that is in force already stays, and no history is made. */
export async function installCapsule(
  tx: Transaction<Database>,
  wanted: { tenant: string; capsule_id: string; version: string; digest: string; installed_by: string },
): Promise<Installation> {
  const current = await lockCurrent(tx, wanted.tenant, wanted.capsule_id);
  if (current?.version === wanted.version) return current;
  return add(tx, { ...wanted, restores: null, sequence: (current?.sequence ?? 0) + 1 });
}

/**
 * Goes back to what was in force before this installation, which must still be in force. Fails with NotFoundError,
 * or ConflictError when another one has taken its place or none was before it.
 */
export async function rollBackInstallation(
  tx: Transaction<Database>,
  id: string,
  installed_by: string,
): Promise<Installation> {
  const named = await tx.selectFrom("installations").selectAll().where("id", "=", id).executeTakeFirst();
  if (named === undefined) {
    throw new NotFoundError("installation", id, "GET /v1/installations lists what is installed.");
  }
  const { tenant, capsule_id } = named;
  const current = await lockCurrent(tx, tenant, capsule_id);
  if (current?.id !== id) {
    throw new ConflictError(
      `This installation of ${capsule_id} ${named.version} is no longer in force; ${current?.version} is.`,
      "Roll back the one that is in force.",
    );
  }
  const earlier = await tx
    .selectFrom("installations")
    .selectAll()
    .where("tenant", "=", tenant)
    .where("capsule_id", "=", capsule_id)
    .where("sequence", "=", (current.restores ?? current.sequence) - 1)
    .executeTakeFirst();
  if (earlier === undefined) throw new ConflictError(`Nothing was installed before ${capsule_id} ${current.version}.`);
  const { version, digest } = earlier;
  const restores = earlier.restores ?? earlier.sequence;
  return add(tx, { tenant, capsule_id, version, digest, installed_by, restores, sequence: current.sequence + 1 });
}

/** Installations of one tenant and capsule are made one after the other. */
async function lockCurrent(
  tx: Transaction<Database>,
  tenant: string,
  capsule: string,
): Promise<Installation | undefined> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`installation/${tenant}/${capsule}`}, 0))`.execute(tx);
  return tx
    .selectFrom("installations")
    .selectAll()
    .where("tenant", "=", tenant)
    .where("capsule_id", "=", capsule)
    .orderBy("sequence", "desc")
    .limit(1)
    .executeTakeFirst();
}

function add(tx: Transaction<Database>, row: Omit<Installation, "id" | "installed_at">): Promise<Installation> {
  return tx.insertInto("installations").values(row).returningAll().executeTakeFirstOrThrow();
}

/** History of a tenant's installations by capsule, the newest first. */
export function installationsOf(
  db: Kysely<Database>,
  { tenant, capsule, after, limit }: { tenant: string; capsule: string | undefined; after: number; limit: number },
): Promise<Installation[]> {
  let query = db.selectFrom("installations").selectAll().where("tenant", "=", tenant);
  if (capsule !== undefined) query = query.where("capsule_id", "=", capsule);
  return query.orderBy("capsule_id").orderBy("sequence", "desc").offset(after).limit(limit).execute();
}
