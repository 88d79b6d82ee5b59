import { spawn } from "node:child_process";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ConflictError, KamachiqError } from "../domain/errors.ts";
import { printable } from "../platform/text.ts";
import type { Installation, ServerInfo } from "./deps.ts";
import { fromProblem, type ProblemDetails } from "./errors.ts";

const BOOT_TIMEOUT_MS = 60_000;
const POLL_MS = 50;
const HEALTH_TIMEOUT_MS = 2_000;
/** How long to wait for the process that holds the home before trying again. */
const LOCKED_WAIT_MS = 2_000;
const TAIL_LINES = 15;
const LOG_READ_MAX = 200_000;
/** The server's error when another process holds the home's lock: then that one is waited for. */
const LOCKED = "home_locked";

export interface ServerRequest {
  home: string;
  version: string;
  installation: Installation;
  /** Absolute path of the server's entry file. */
  entry: string;
  sandbox?: string | undefined;
  env: Record<string, string | undefined>;
  progress(line: string): void;
}

/** The running server of this home, or a new one that ends by itself when nobody needs it. */
export async function ensureServer(request: ServerRequest): Promise<ServerInfo> {
  const running = await findServer(request);
  if (running !== null) return running;
  await request.installation.ensureComponents(request.home, request);
  return startServer(request);
}

/** The server that answers, or null. Fails when it is of another version: its API may differ. */
export async function findServer({
  home,
  version,
  installation,
}: Pick<ServerRequest, "home" | "version" | "installation">): Promise<ServerInfo | null> {
  const info = await installation.serverInfo(home);
  if (info === null) return null;
  const health = await readHealth(info);
  if (health === null) return null;
  if (health.version !== version) {
    throw new ConflictError(
      `A server of version ${health.version} uses ${home}, and this is ${version}.`,
      "Stop it with `kamachiq down`; its projects go on with the new version.",
    );
  }
  return info;
}

/** What the server says of itself; null when it does not answer, or another process answers in its place. */
export async function readHealth(info: ServerInfo): Promise<{ version: string; pid: number } | null> {
  try {
    const response = await fetch(new URL("/healthz", info.url), { signal: AbortSignal.timeout(HEALTH_TIMEOUT_MS) });
    const health = (await response.json()) as { version: string; pid: number };
    return health.pid === info.pid ? health : null;
  } catch {
    return null;
  }
}

async function startServer(request: ServerRequest): Promise<ServerInfo> {
  const deadline = performance.now() + BOOT_TIMEOUT_MS;
  for (;;) {
    const boot = await spawnServer(request);
    while (!boot.exited()) {
      const info = await findServer(request);
      if (info !== null) return info;
      if (performance.now() > deadline) throw await bootError(boot);
      await sleep(POLL_MS);
    }
    if ((await lastProblem(boot))?.code !== LOCKED || performance.now() > deadline) throw await bootError(boot);
    // Another process holds the home: one that starts is soon there, one that stops makes way for the next try.
    const info = await waitFor(request, LOCKED_WAIT_MS);
    if (info !== null) return info;
  }
}

async function waitFor(request: ServerRequest, timeout_ms: number): Promise<ServerInfo | null> {
  const deadline = performance.now() + timeout_ms;
  while (performance.now() < deadline) {
    const info = await findServer(request);
    if (info !== null) return info;
    await sleep(POLL_MS);
  }
  return null;
}

/** A server process that may be on its way. Its output is what the log has from `offset` on. */
interface Boot {
  log: string;
  offset: number;
  exited(): boolean;
}

async function spawnServer(request: ServerRequest): Promise<Boot> {
  const { home } = request;
  const path = join(home, "logs", "server-boot.log");
  const log = await open(path, "a", 0o600);
  const offset = (await log.stat()).size;
  const child = spawn(process.execPath, serverArguments(request), {
    detached: true, // a session of its own: Ctrl-C and the end of this terminal don't reach it
    stdio: ["ignore", log.fd, log.fd],
    env: request.env,
    cwd: home,
  });
  let exited = false;
  child.once("exit", () => (exited = true));
  child.once("error", () => (exited = true));
  child.unref();
  await log.close();
  return { log: path, offset, exited: () => exited };
}

function serverArguments({ entry, home, sandbox }: ServerRequest): string[] {
  return [entry, "--home", home, "--idle-exit", ...(sandbox === undefined ? [] : ["--sandbox", sandbox])];
}

/** The error that the server wrote, or else the last lines of its log. */
async function bootError(boot: Boot): Promise<KamachiqError> {
  const problem = await lastProblem(boot);
  if (problem !== undefined && problem.code !== LOCKED) return fromProblem(problem);
  const tail = (await readLog(boot)).trimEnd().split("\n").slice(-TAIL_LINES);
  return new KamachiqError("The server did not start.", {
    code: "server_not_started",
    problems: tail.filter((line) => line !== "").map(printable),
    remedy: `Its whole log is ${boot.log}; \`kamachiq doctor\` says what is missing.`,
  });
}

async function lastProblem(boot: Boot): Promise<ProblemDetails | undefined> {
  const lines = (await readLog(boot)).split("\n");
  for (const line of lines.toReversed()) {
    try {
      const value = JSON.parse(line) as ProblemDetails;
      if (typeof value.detail === "string" && typeof value.code === "string") return value;
    } catch {
      // another kind of line
    }
  }
  return undefined;
}

async function readLog({ log, offset }: Boot): Promise<string> {
  const content = await readFile(log);
  return content.subarray(Math.max(offset, content.length - LOG_READ_MAX)).toString("utf8");
}
