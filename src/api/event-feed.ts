import type { Pool, PoolClient } from "pg";
import type { Logger } from "pino";
import { KamachiqError } from "../domain/errors.ts";
import { EVENTS_CHANNEL } from "../persistence/events.ts";

const WATCHERS_MAX = 500;
const RECONNECT_MS = [100, 500, 1_000, 2_000, 5_000];

/**
 * Tells watchers that their project has new events. One database connection listens for all of them; when it breaks,
 * it is opened again and everyone is woken, for something may have been missed.
 */
export class EventFeed {
  readonly #pool: Pool;
  readonly #log: Logger;
  readonly #watchers = new Map<string, Set<() => void>>();
  #count = 0;
  #client: PoolClient | undefined;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;
  #closed = false;

  constructor(pool: Pool, log: Logger) {
    this.#pool = pool;
    this.#log = log;
    void this.#listen();
  }

  /** `wake` is called at least once after each new event. Returns what ends the watch. Fails with 503 when too many watch. */
  watch(projectId: string, wake: () => void): () => void {
    if (this.#count >= WATCHERS_MAX) {
      throw new KamachiqError(`${WATCHERS_MAX} clients watch events already.`, {
        code: "too_many_watchers",
        remedy: "Close one of them, or poll the project instead.",
        retryable: true,
        status: 503,
      });
    }
    const set = this.#watchers.get(projectId) ?? new Set();
    this.#watchers.set(projectId, set);
    set.add(wake);
    this.#count += 1;
    return () => {
      if (!set.delete(wake)) return;
      this.#count -= 1;
      if (set.size === 0) this.#watchers.delete(projectId);
    };
  }

  /** Number of watchers, of all projects. */
  get size(): number {
    return this.#count;
  }

  /** Whether anyone watches the project now. */
  watched(projectId: string): boolean {
    return this.#watchers.has(projectId);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#client?.release(true);
    this.#client = undefined;
  }

  async #listen(): Promise<void> {
    let client: PoolClient | undefined;
    try {
      client = await this.#pool.connect();
      if (this.#closed) return client.release(true);
      this.#client = client;
      client.on("notification", ({ payload }) => this.#wake(payload ?? ""));
      client.once("error", (error) => this.#lost(client, error));
      client.once("end", () => this.#lost(client, new Error("the server closed it")));
      await client.query(`listen ${EVENTS_CHANNEL}`);
      this.#failures = 0;
      for (const projectId of this.#watchers.keys()) this.#wake(projectId);
    } catch (error) {
      this.#lost(client, error);
    }
  }

  #lost(client: PoolClient | undefined, error: unknown): void {
    if (this.#closed || this.#client !== client) return;
    this.#client = undefined;
    client?.removeAllListeners("notification");
    client?.on("error", () => {}); // it may fail again while it is thrown away
    client?.release(true);
    const delay = RECONNECT_MS[Math.min(this.#failures, RECONNECT_MS.length - 1)];
    this.#failures += 1;
    this.#log.warn({ error, retry_ms: delay }, "event listener lost its connection");
    this.#timer = setTimeout(() => void this.#listen(), delay);
  }

  #wake(projectId: string): void {
    for (const wake of this.#watchers.get(projectId) ?? []) wake();
  }
}
