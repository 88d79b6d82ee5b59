import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { KamachiqError } from "../../domain/errors.ts";
import { EXIT } from "../exit-code.ts";
import { findServer, readHealth } from "../server-process.ts";
import type { Session } from "../session.ts";

const STOP_TIMEOUT_MS = 60_000;
const POLL_MS = 100;

/** `up`: the server in the foreground, until Ctrl-C or `kamachiq down`. */
export async function up(session: Session, options: { sandbox?: string }): Promise<number> {
  const home = await session.home();
  const running = await findServer({ home, ...session.deps });
  if (running !== null) {
    session.print(running, () => `A server runs already: ${running.url}, process ${running.pid}.\n`);
    return EXIT.delivered;
  }
  await session.deps.installation.ensureComponents(home, { sandbox: options.sandbox, progress: session.progress });
  const sandbox = options.sandbox === undefined ? [] : ["--sandbox", options.sandbox];
  return foreground(session, [session.deps.entries.server, "--home", home, ...sandbox]);
}

/** `worker`: a worker beside the running server, or beside the servers that the environment names. */
export async function worker(session: Session, options: { region?: string }): Promise<number> {
  const home = await session.home();
  await session.deps.installation.ensureComponents(home, { progress: session.progress });
  const region = options.region === undefined ? [] : ["--region", options.region];
  return foreground(session, [session.deps.entries.worker, "--home", home, ...region]);
}

/** Runs a process of ours with our streams. Ctrl-C reaches it from the terminal; it then ends in its own time. */
async function foreground(session: Session, argv: string[]): Promise<number> {
  session.handlesInterrupt = true;
  const child = spawn(process.execPath, argv, { stdio: "inherit", env: session.deps.env });
  const stop = (): void => void child.kill("SIGTERM");
  process.once("SIGTERM", stop);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code, signal) => resolve(code ?? (signal === "SIGINT" ? EXIT.interrupted : EXIT.failed)));
    });
  } finally {
    process.removeListener("SIGTERM", stop);
  }
}

/** `down`: stops this home's server. Unfinished projects go on when one starts again. */
export async function down(session: Session): Promise<number> {
  const home = await session.home();
  const info = await session.deps.installation.serverInfo(home);
  if (info === null || (await readHealth(info)) === null) {
    const hint = info === null ? "" : ` Its file names process ${info.pid}, which does not answer as one.`;
    session.print({ stopped: false }, () => `No server runs in ${home}.${hint}\n`);
    return EXIT.delivered;
  }
  process.kill(info.pid, "SIGTERM");
  const deadline = performance.now() + STOP_TIMEOUT_MS;
  while (isAlive(info.pid)) {
    if (performance.now() > deadline) {
      throw new KamachiqError(
        `The server, process ${info.pid}, has not stopped within ${STOP_TIMEOUT_MS / 1_000} seconds.`,
        {
          code: "server_not_stopped",
          remedy: `kill -9 ${info.pid} loses nothing that was recorded.`,
        },
      );
    }
    await sleep(POLL_MS);
  }
  session.print(
    { stopped: true, pid: info.pid },
    () => "The server has stopped. Unfinished projects go on when it starts again.\n",
  );
  return EXIT.delivered;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
