import type { Logger } from "pino";
import type { Config } from "../config/config.ts";
import { ComponentMissingError, type KamachiqError } from "../domain/errors.ts";
import type { Components } from "./components.ts";
import { prepareHome } from "./home.ts";
import type { Progress } from "./install.ts";
import { type PostgresAddress, startPostgres } from "./postgres.ts";
import type { SupervisedProcess } from "./supervise.ts";
import { startTemporal } from "./temporal.ts";

/** Database and engine that serve a home: its own, or the ones that the configuration names. */
export interface Stack {
  database: PostgresAddress | { connectionString: string };
  temporal: { address: string; uiUrl: string | null; namespace: string };
  /** Told once, when a component can't be kept running. What failed before is told at once. */
  onFailure(callback: (error: KamachiqError) => void): void;
  /** Ends what was started here, in bounded time. May be called again. */
  stop(): Promise<void>;
}

export interface StackOptions {
  config: Config;
  components: Components;
  progress: Progress;
  log: Logger;
}

/** The pair of what runs here and where it is. */
interface Running<T> {
  value: T;
  process: SupervisedProcess | null;
}

/**
 * Starts PostgreSQL and Temporal, both at once, and keeps them running. The caller holds the home's lock. Throws
 * InputError `home_unusable`, ComponentMissingError, or KamachiqError with the end of the log; nothing runs then.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
  await prepareHome(options.config.home);
  const failures = new FailureNotice();
  const onFailure = (error: KamachiqError): void => failures.tell(error);
  const started = await Promise.allSettled([database(options, onFailure), engine(options, onFailure)]);
  const stop = async (): Promise<void> => {
    await Promise.all(started.map(async (part) => part.status === "fulfilled" && part.value.process?.stop()));
  };
  const [db, temporal] = started;
  if (db.status === "fulfilled" && temporal.status === "fulfilled") {
    return {
      database: db.value.value,
      temporal: temporal.value.value,
      onFailure: (callback) => failures.listen(callback),
      stop,
    };
  }
  await stop();
  throw db.status === "rejected" ? db.reason : (temporal as PromiseRejectedResult).reason;
}

type OnFailure = (error: KamachiqError) => void;

async function database(
  { config, components, progress, log }: StackOptions,
  onFailure: OnFailure,
): Promise<Running<Stack["database"]>> {
  if (config.database.url !== null) return { value: { connectionString: config.database.url }, process: null };
  const { home } = config;
  const { address, process } = await startPostgres({
    home,
    bubblewrap: components.bubblewrap,
    progress,
    log,
    onFailure,
  });
  return { value: address, process };
}

async function engine(
  { config, components, log }: StackOptions,
  onFailure: OnFailure,
): Promise<Running<Stack["temporal"]>> {
  const { address, namespace } = config.temporal;
  if (address !== null) return { value: { address, uiUrl: null, namespace }, process: null };
  if (components.temporal === undefined) {
    throw new ComponentMissingError(
      "temporal",
      "There is no Temporal CLI.",
      "Run the set-up: `kamachiq doctor` says what is missing.",
    );
  }
  const embedded = await startTemporal({ home: config.home, binary: components.temporal, namespace, log, onFailure });
  return { value: { address: embedded.address, uiUrl: embedded.uiUrl, namespace }, process: embedded.process };
}

/** Keeps the first failure for whoever asks later. */
class FailureNotice {
  private error: KamachiqError | null = null;
  private callbacks: OnFailure[] = [];

  tell(error: KamachiqError): void {
    if (this.error !== null) return;
    this.error = error;
    for (const callback of this.callbacks) callback(error);
  }

  listen(callback: OnFailure): void {
    if (this.error === null) this.callbacks.push(callback);
    else callback(this.error);
  }
}
