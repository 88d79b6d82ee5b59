import { CapsuleContent, type LoadedCapsule } from "../domain/capsule.ts";
import { compositionProblems } from "../domain/capsule-rules.ts";
import { InputError, KamachiqError } from "../domain/errors.ts";
import { currentInstallations, keepContents } from "../persistence/capsules.ts";
import type { Db } from "../persistence/database.ts";
import { sha256 } from "../platform/digest.ts";
import type { CapsuleLibrary, CapsuleRepository } from "../ports/capsule-library.ts";
import { readCapsule, storedContent } from "./capsule-content.ts";
import { changed, libraryOf, newestOf, notInstalled } from "./capsule-library.ts";

const CACHED_MAX = 200;

/**
 * The capsules of this product in the database: those that `shipped` gives at the moment, whose contents are kept before
 * anybody can plan with them, and those that tenants have installed.
 */
export function createCapsuleRepository(db: Db, shipped: () => Promise<readonly LoadedCapsule[]>): CapsuleRepository {
  const contents = new ContentCache(db);
  const own = async (): Promise<readonly LoadedCapsule[]> => {
    const capsules = await shipped();
    await contents.keep(capsules);
    return capsules;
  };
  const ownLibrary: CapsuleLibrary = {
    list: async () => libraryOf(await own()).list(),
    get: async (id, version) => libraryOf(await own()).get(id, version),
  };
  return {
    ...ownLibrary,
    async get(id, version, digest) {
      if (digest === undefined) return ownLibrary.get(id, version);
      const capsules = await own();
      const kept = await contents.get(digest);
      if (kept !== undefined && isVersion(kept, id, version)) return kept;
      const other = capsules.find((loaded) => isVersion(loaded, id, version));
      throw other === undefined ? notInstalled(id, version, capsules) : changed(id, other.capsule.version);
    },
    of: (tenant) => tenantLibrary(db, tenant, own, contents),
  };
}

function tenantLibrary(
  db: Db,
  tenant: string,
  own: () => Promise<readonly LoadedCapsule[]>,
  contents: ContentCache,
): CapsuleLibrary {
  const inForce = async (): Promise<LoadedCapsule[]> => {
    const byId = new Map(newestOf(await own()).map((loaded) => [loaded.capsule.id, loaded]));
    for (const { capsule_id, digest } of await currentInstallations(db, tenant)) {
      const loaded = await contents.get(digest);
      if (loaded !== undefined) byId.set(capsule_id, loaded);
    }
    return [...byId.values()].toSorted((a, b) => (a.capsule.id < b.capsule.id ? -1 : 1));
  };
  /** What was in force at some time, or came with the product. */
  const earlier = async (id: string, version: string, digest: string | undefined): Promise<string[]> => {
    let query = db
      .selectFrom("capsule_contents as content")
      .select("content.digest")
      .where("capsule_id", "=", id)
      .where("version", "=", version)
      .where((eb) =>
        eb.or([
          eb("shipped", "=", true),
          eb.exists(
            eb
              .selectFrom("installations")
              .select("installations.id")
              .where("tenant", "=", tenant)
              .whereRef("installations.digest", "=", "content.digest"),
          ),
        ]),
      );
    if (digest !== undefined) query = query.where("content.digest", "=", digest);
    return (await query.orderBy("kept_at", "desc").limit(1).execute()).map((row) => row.digest);
  };
  return {
    async list() {
      const capsules = (await inForce()).map(({ capsule }) => capsule);
      const problems = compositionProblems(capsules).map(({ id, problem }) => `${id}: ${problem}`);
      if (problems.length === 0) return capsules;
      throw new InputError(`The capsules that are installed for ${tenant} do not fit together.`, {
        code: "capsules_unfit",
        problems,
        remedy: "Install what is missing, or roll the last installation back.",
      });
    },
    async get(id, version, digest) {
      const capsules = await inForce();
      const current = capsules.find((loaded) => isVersion(loaded, id, version));
      if (current !== undefined && (digest === undefined || current.digest === digest)) return current;
      const [found] = version === undefined ? [] : await earlier(id, version, digest);
      const kept = found === undefined ? undefined : await contents.get(found);
      if (kept !== undefined) return kept;
      throw current === undefined ? notInstalled(id, version, capsules) : changed(id, current.capsule.version);
    },
  };
}

function isVersion({ capsule }: LoadedCapsule, id: string, version: string | undefined): boolean {
  return capsule.id === id && (version === undefined || capsule.version === version);
}

/** Capsules by their digest, from the database; what is parsed once is kept for a while. */
class ContentCache {
  readonly #db: Db;
  readonly #loaded = new Map<string, LoadedCapsule>();
  #kept: readonly LoadedCapsule[] | undefined;

  constructor(db: Db) {
    this.#db = db;
  }

  /** Stores what came with the product; the same list again costs nothing. */
  async keep(capsules: readonly LoadedCapsule[]): Promise<void> {
    if (this.#kept === capsules) return;
    await keepContents(this.#db, capsules.map(contentRow), true);
    this.#kept = capsules;
  }

  async get(digest: string): Promise<LoadedCapsule | undefined> {
    const known = this.#loaded.get(digest) ?? this.#kept?.find((loaded) => loaded.digest === digest);
    if (known !== undefined) return known;
    const row = await this.#db
      .selectFrom("capsule_contents")
      .select(["capsule_id", "version", "content"])
      .where("digest", "=", digest)
      .executeTakeFirst();
    if (row === undefined) return undefined;
    if (sha256(row.content) !== digest) {
      throw new KamachiqError(`The content of capsule ${row.capsule_id} ${row.version} was changed in the database.`, {
        code: "capsule_corrupt",
      });
    }
    const content = CapsuleContent.parse(JSON.parse(row.content));
    const loaded = readCapsule(content, `${row.capsule_id}@${row.version}.yaml`);
    this.#loaded.set(digest, loaded);
    const [oldest] = this.#loaded.keys();
    if (this.#loaded.size > CACHED_MAX && oldest !== undefined) this.#loaded.delete(oldest);
    return loaded;
  }
}

/** A capsule as a row of contents. */
export function contentRow(loaded: LoadedCapsule) {
  const { capsule, digest } = loaded;
  return { capsule_id: capsule.id, version: capsule.version, digest, content: storedContent(loaded) };
}
