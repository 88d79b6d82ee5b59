import { Kysely, Migrator, PostgresDialect } from "kysely";
import pg from "pg";
import { KamachiqError, TransientError } from "../domain/errors.ts";
import * as foundation from "./migrations/0001-foundation.ts";
import * as planApproval from "./migrations/0002-plan-approval.ts";
import * as capsules from "./migrations/0003-capsules.ts";
import * as taskHistory from "./migrations/0004-task-history.ts";
import * as plannings from "./migrations/0005-plannings.ts";
import * as batchedWrites from "./migrations/0006-batched-writes.ts";
import type { Database } from "./schema.ts";

export type Db = Kysely<Database>;
/** A connection string, or where a server's unix socket or port is. */
export type DatabaseAddress =
  | { connectionString: string }
  | { host: string; port?: number; user: string; database: string };

const MIGRATIONS = {
  "0001-foundation": foundation,
  "0002-plan-approval": planApproval,
  "0003-capsules": capsules,
  "0004-task-history": taskHistory,
  "0005-plannings": plannings,
  "0006-batched-writes": batchedWrites,
};

// Counts and token sums are far below 2^53, so bigint columns are read as numbers.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);
pg.types.setTypeParser(pg.types.builtins.NUMERIC, Number);

/** `connections_max` bounds the pool; a query waits at most 10 seconds for one of them. */
export function openPool(address: DatabaseAddress, connections_max = 20): pg.Pool {
  const pool = new pg.Pool({
    ...address,
    max: connections_max,
    connectionTimeoutMillis: 10_000,
    application_name: "kamachiq",
  });
  pool.on("error", () => {}); // an idle connection was cut; the next query opens another
  return pool;
}

export function openDatabase(pool: pg.Pool): Db {
  return new Kysely<Database>({ dialect: new PostgresDialect({ pool }) });
}

/** Brings the schema up to date, under the migrator's own lock: several processes may start at once. */
export async function migrate(db: Db): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(MIGRATIONS) } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) {
    throw new KamachiqError("The database could not be brought up to date.", {
      code: "migration_failed",
      remedy: "If a newer version of KAMACHIQ used this database, use that version.",
      cause: error,
    });
  }
}

/** PostgreSQL's classes of errors that may pass: connection, resources, operator intervention; and Node's. */
const PASSING = /^(08|53|57|40)|^(ECONNREFUSED|ECONNRESET|EPIPE|ENOENT|ETIMEDOUT)$/;

/** A lost database as a TransientError, anything else as it is. */
export function databaseError(error: unknown): unknown {
  const code = (error as { code?: unknown } | null)?.code;
  const text = error instanceof Error ? error.message : "";
  if (
    (typeof code === "string" && PASSING.test(code)) ||
    /Connection terminated|timeout exceeded when trying to connect/.test(text)
  ) {
    return new TransientError(`The database is not reachable: ${text}`, error);
  }
  return error;
}
