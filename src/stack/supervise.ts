import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { KamachiqError } from "../domain/errors.ts";
import { type Child, launch, type ProcessSpec } from "./child.ts";
import { boundProcessLog } from "./process-log.ts";

const RESTARTS_MAX = 10;
const RESTARTS_WINDOW_MS = 5 * 60_000;
const BACKOFF_MS = 100;
const BACKOFF_MS_MAX = 5_000;

export interface SupervisedProcess {
  /** Of the running process, which changes with a restart. */
  readonly pid: number;
  /** Ends the process and its supervision, in bounded time. May be called again. */
  stop(): Promise<void>;
}

/**
 * Starts a process, and starts it again, with the same arguments, whenever it ends unasked. After 10 restarts within 5
 * minutes it is left alone and `onFailure` is told. Throws what `launch` throws when the first start fails.
 */
export async function superviseProcess(
  spec: ProcessSpec,
  { log, onFailure }: { log: Logger; onFailure: (error: KamachiqError) => void },
): Promise<SupervisedProcess> {
  const stopping = new AbortController();
  const { signal } = stopping;
  const stopBounding = boundProcessLog(spec.log);
  let child = await launch(spec, signal);
  const restarts: number[] = [];

  const watch = async (): Promise<void> => {
    while (!signal.aborted) {
      await child.exited;
      if (signal.aborted) return;
      log.warn({ component: spec.name }, "a component ended unasked and is started again");
      child = await restart(spec, restarts, signal, log);
      log.info({ component: spec.name, pid: child.pid }, "the component serves again");
    }
  };
  const watching = watch().catch((error: unknown) => {
    if (!signal.aborted) onFailure(error as KamachiqError);
  });

  return {
    get pid() {
      return child.pid;
    },
    async stop() {
      stopping.abort();
      stopBounding();
      await child.stop();
      await watching;
      await child.stop(); // a start that was under way may have won
    },
  };
}

async function restart(spec: ProcessSpec, restarts: number[], signal: AbortSignal, log: Logger): Promise<Child> {
  for (;;) {
    const now = performance.now();
    while (restarts[0] !== undefined && now - restarts[0] > RESTARTS_WINDOW_MS) restarts.shift();
    if (restarts.length >= RESTARTS_MAX) throw exhausted(spec);
    await sleep(Math.min(BACKOFF_MS * 2 ** restarts.length, BACKOFF_MS_MAX), undefined, { signal });
    restarts.push(now);
    try {
      return await launch(spec, signal);
    } catch (error) {
      signal.throwIfAborted();
      log.error({ component: spec.name, err: error }, "the component could not be started");
    }
  }
}

function exhausted({ name, log }: ProcessSpec): KamachiqError {
  return new KamachiqError(`${name} ended ${RESTARTS_MAX} times within ${RESTARTS_WINDOW_MS / 60_000} minutes.`, {
    code: "component_failed",
    status: 503,
    remedy: `See ${log}; then start the server again, which goes on where it stopped.`,
  });
}
