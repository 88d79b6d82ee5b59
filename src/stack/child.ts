import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, writeFileSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { KamachiqError } from "../domain/errors.ts";
import { printable } from "../platform/text.ts";
import { processStart } from "./host.ts";
import { openProcessLog, tailOf } from "./process-log.ts";

/** A process of the embedded stack. */
export interface ProcessSpec {
  /** Names its pid file and its messages. */
  name: string;
  argv: readonly string[];
  env: Record<string, string>;
  /** Working folder. */
  cwd: string;
  /** File that both its streams are appended to. */
  log: string;
  /** Folder of pid files. */
  run: string;
  /** Resolves when it serves; rejects when aborted. */
  ready(signal: AbortSignal): Promise<void>;
  ready_ms_max: number;
  /** Signals that ask it to end, each with the time it is given, in milliseconds. SIGKILL follows. */
  stop: readonly { signal: NodeJS.Signals; wait_ms: number }[];
  /** The process that the signals are for where `argv` is a wrapper round it; null when there is none. */
  main?(): Promise<number | null>;
  /** Runs when no earlier process of this spec is left, before each start. */
  prepare?(): Promise<void>;
}

/** A process id that can't be mistaken for a later process's. */
interface Identity {
  pid: number;
  start: string;
}

const PidRecord = z.object({ pid: z.int().positive(), start: z.string() });
const POLL_MS = 10;
const KILL_WAIT_MS = 5_000;

export interface Child {
  pid: number;
  /** Resolves when it has ended, for whatever reason. */
  exited: Promise<void>;
  /** Asks it to end, and kills it when it doesn't in time. */
  stop(): Promise<void>;
}

/**
 * Ends what a killed supervisor left behind, starts the process in a group of its own and waits until it serves. Throws
 * `process_not_started` with the end of its log; nothing of it runs then.
 */
export async function launch(spec: ProcessSpec, signal: AbortSignal): Promise<Child> {
  await stopOrphan(spec);
  await spec.prepare?.();
  signal.throwIfAborted();
  const child = start(spec);
  const abort = new AbortController();
  const cut = AbortSignal.any([signal, abort.signal, AbortSignal.timeout(spec.ready_ms_max)]);
  try {
    await Promise.race([
      spec.ready(cut),
      child.exited.then(() => Promise.reject(new Error("it ended at once"))),
      rejectOn(cut, spec.ready_ms_max),
    ]);
    return child;
  } catch (error) {
    abort.abort();
    await child.stop();
    throw notStarted(spec, error);
  }
}

function start(spec: ProcessSpec): Child {
  const [command = "", ...args] = spec.argv;
  const log = openProcessLog(spec.log);
  let process_: ChildProcess;
  try {
    process_ = spawn(command, args, { cwd: spec.cwd, env: spec.env, detached: true, stdio: ["ignore", log, log] });
  } finally {
    closeSync(log);
  }
  const { pid } = process_;
  let ended = false;
  const exited = new Promise<void>((resolve) => {
    process_.once("exit", resolve);
    process_.once("error", resolve);
  }).then(() => {
    ended = true;
    if (pid !== undefined) signalProcess(-pid, "SIGKILL"); // what is left of its group
  });
  if (pid === undefined) return { pid: 0, exited, stop: () => exited };
  const recorded = processStart(pid).then((begun) => {
    if (begun !== null) writeFileSync(recordPath(spec), JSON.stringify({ pid, start: begun }), { mode: 0o600 });
  });
  return {
    pid,
    exited: exited.then(() => recorded),
    async stop() {
      const main = (await spec.main?.()) ?? null;
      await endBySteps(spec, async () => (ended ? [] : [main ?? pid]), pid);
      await exited;
      await stopOrphan(spec); // the main process may outlive its wrapper
    },
  };
}

const recordPath = ({ run, name }: ProcessSpec): string => join(run, `${name}.json`);

/** Ends the process that the pid file or the process's own records name, if it is really the same one and lives. */
async function stopOrphan(spec: ProcessSpec): Promise<void> {
  const record = PidRecord.safeParse(
    await readFile(recordPath(spec), "utf8")
      .then(JSON.parse)
      .catch(() => null),
  );
  const main = await identify((await spec.main?.()) ?? null);
  const known = [record.success ? record.data : null, main].filter((identity) => identity !== null);
  const alive = async (): Promise<number[]> => {
    const living = await Promise.all(known.map(async ({ pid, start: begun }) => (await processStart(pid)) === begun));
    return known.flatMap(({ pid }, index) => (living[index] === true ? [pid] : []));
  };
  const left = await alive();
  if (left.length > 0) {
    // The wrapper is not asked: its end would kill the main process before that has put its files in order.
    const asked = main === null ? alive : async () => (await alive()).filter((pid) => pid === main.pid);
    await endBySteps(spec, asked, null);
    for (const pid of await alive()) signalProcess(pid, "SIGKILL");
    await waitUntil(async () => (await alive()).length === 0, KILL_WAIT_MS);
  }
  await rm(recordPath(spec), { force: true });
}

async function identify(pid: number | null): Promise<Identity | null> {
  const begun = pid === null ? null : await processStart(pid);
  return pid === null || begun === null ? null : { pid, start: begun };
}

/** Sends the signals one after the other to whatever still lives; at last SIGKILL, also to the process group `group`. */
async function endBySteps(spec: ProcessSpec, alive: () => Promise<number[]>, group: number | null): Promise<void> {
  for (const { signal, wait_ms } of spec.stop) {
    for (const pid of await alive()) signalProcess(pid, signal);
    if (await waitUntil(async () => (await alive()).length === 0, wait_ms)) return;
  }
  for (const pid of await alive()) signalProcess(pid, "SIGKILL");
  if (group !== null) signalProcess(-group, "SIGKILL");
  await waitUntil(async () => (await alive()).length === 0, KILL_WAIT_MS);
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // it has ended by itself
  }
}

async function waitUntil(condition: () => Promise<boolean>, ms_max: number): Promise<boolean> {
  const deadline = performance.now() + ms_max;
  while (!(await condition())) {
    if (performance.now() > deadline) return false;
    await sleep(POLL_MS);
  }
  return true;
}

function rejectOn(signal: AbortSignal, ready_ms_max: number): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void => reject(new Error(`it did not serve within ${ready_ms_max / 1000} s`));
    if (signal.aborted) fail();
    signal.addEventListener("abort", fail, { once: true });
  });
}

function notStarted(spec: ProcessSpec, cause: unknown): KamachiqError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new KamachiqError(`${spec.name} did not start: ${why}.`, {
    code: "process_not_started",
    retryable: true,
    problems: tailOf(spec.log, 8).map(printable),
    remedy: `Its whole log is ${spec.log}.`,
    cause,
  });
}
