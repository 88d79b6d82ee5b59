import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { KamachiqError } from "../domain/errors.ts";
import { prepareHome } from "./home.ts";

export interface Lock {
  release(): void;
}

const SQLITE_BUSY = 5;
/** An unreachable handle would be closed by the garbage collector, and the lock with it. */
const held = new Set<DatabaseSync>();

/**
 * Takes the kernel's own lock on a file (SQLite's, by fcntl), or returns null when another holds it. It ends with the
 * process, however that ends, so there is no stale lock to wait for.
 */
export function tryLock(path: string): Lock | null {
  const database = new DatabaseSync(path);
  try {
    database.exec("PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (((error as { errcode?: number }).errcode ?? 0) % 256 === SQLITE_BUSY) return null;
    throw error;
  }
  held.add(database);
  return {
    release() {
      if (held.delete(database)) database.close();
    },
  };
}

/** The one lock of a home: whoever holds it runs its stack. Throws `home_locked` when another process does. */
export async function acquireLock(home: string): Promise<Lock> {
  await prepareHome(home);
  const lock = tryLock(join(home, "run", "lock.db"));
  if (lock !== null) return lock;
  throw new KamachiqError(`Another KAMACHIQ server uses ${home}.`, {
    code: "home_locked",
    status: 409,
    exit_code: 2,
    remedy:
      "The command line finds and uses it by itself. `kamachiq down` stops it; --home DIR starts another beside it.",
  });
}

const WAIT_MS = 100;

/** Runs `work` while no other process does so under the same lock file; waits for its turn, at most `wait_ms_max`. */
export async function withLock<T>(path: string, wait_ms_max: number, work: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + wait_ms_max;
  let lock = tryLock(path);
  while (lock === null) {
    if (performance.now() > deadline) {
      throw new KamachiqError(`Another process has held ${path} for ${Math.round(wait_ms_max / 60_000)} minutes.`, {
        code: "lock_timeout",
        retryable: true,
        remedy: "Another set-up hangs: end it, and try again.",
      });
    }
    await sleep(WAIT_MS);
    lock = tryLock(path);
  }
  try {
    return await work();
  } finally {
    lock.release();
  }
}
