import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { signalledWithParent } from "../../src/stack/host.ts";

const READY_MS_MAX = 60_000;
const STOP_MS_MAX = 15_000;
const POLL_MS = 50;

/** A server that a test starts by itself, so that the product finds it running. */
export interface ExternalProcess {
  pid: number;
  /** Sends a signal, waits for the end and, when none comes within 15 seconds, kills. */
  end(signal: NodeJS.Signals): Promise<void>;
}

export interface ExternalSpec {
  argv: readonly string[];
  cwd: string;
  /** File that its output goes to. */
  log: string;
  /** User and group to run as; our own without. */
  user?: { uid: number; gid: number } | undefined;
  serves(): Promise<boolean>;
}

/** Starts it and waits until it serves, 60 seconds at most. Ends with this process, whatever ends that. */
export async function startExternal(spec: ExternalSpec): Promise<ExternalProcess> {
  const [command = "", ...args] = [...(await signalledWithParent("INT")), ...spec.argv];
  const log = openSync(spec.log, "a");
  const child = spawn(command, args, { cwd: spec.cwd, stdio: ["ignore", log, log], ...spec.user });
  closeSync(log);
  const exited = once(child, "exit");
  const ended = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (!ended()) child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS_MAX);
    await exited;
    clearTimeout(timer);
  };
  const deadline = performance.now() + READY_MS_MAX;
  while (!(await spec.serves())) {
    if (ended() || performance.now() > deadline) {
      await end("SIGKILL");
      throw new Error(`${spec.argv[0]} does not serve:\n${readFileSync(spec.log, "utf8").slice(-2_000)}`);
    }
    await sleep(POLL_MS);
  }
  return { pid: child.pid ?? 0, end };
}

/** A port of the loopback interface that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
