import type { Logger } from "pino";
import type { Db } from "../persistence/database.ts";

/** Without work and without clients for so long, a server that a command started goes away. */
const IDLE_EXIT_MS = 15_000;
const LOOK_EVERY_MS = 2_000;

export interface IdleWatch {
  db: Db;
  /** Streams that clients hold open. */
  watchers: () => number;
  /** When the last request came, in milliseconds since the epoch. */
  lastRequest: () => number;
  log: Logger;
  onIdle: () => void;
}

/** Calls `onIdle` once when nothing runs and nobody looks. What waits for people or policy waits in the database. */
export function watchIdleness({ db, watchers, lastRequest, log, onIdle }: IdleWatch): void {
  let busyAt = Date.now();
  const look = async (): Promise<void> => {
    if (watchers() > 0 || (await anyRunning(db, log))) busyAt = Date.now();
    if (Date.now() - Math.max(busyAt, lastRequest()) < IDLE_EXIT_MS) return;
    clearInterval(timer);
    onIdle();
  };
  const timer = setInterval(() => void look(), LOOK_EVERY_MS);
  timer.unref();
}

async function anyRunning(db: Db, log: Logger): Promise<boolean> {
  try {
    const row = await db
      .selectFrom("projects")
      .select("id")
      .where("finished_at", "is", null)
      .where("state", "=", "running")
      .limit(1)
      .executeTakeFirst();
    return row !== undefined;
  } catch (error) {
    log.warn({ err: error }, "can't tell whether anything runs");
    return true;
  }
}
