import { fileURLToPath } from "node:url";
import type { Installation } from "../cli/deps.ts";
import { runCli } from "../cli/main.ts";
import { offline } from "./offline.ts";
import { VERSION } from "./version.ts";

const entry = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

async function configOf(home: string | undefined, sandbox?: string) {
  const { resolveConfig } = await import("../config/config.ts");
  return resolveConfig({ home, sandbox });
}

/** The machine as the command line reaches it; each call loads what it needs, so that `--help` loads nothing. */
const installation: Installation = {
  async home(option) {
    return (await configOf(option)).home;
  },
  async serverInfo(home) {
    return (await import("../stack/server-info.ts")).readServerInfo(home);
  },
  async ensureComponents(home, { sandbox, progress }) {
    const [{ ensureComponents }, { prepareHome }] = await Promise.all([
      import("../stack/components.ts"),
      import("../stack/home.ts"),
    ]);
    const config = await configOf(home, sandbox);
    await prepareHome(config.home);
    await ensureComponents(config, progress);
  },
  async token(home, principal) {
    return (await import("../stack/tokens.ts")).readToken(home, principal);
  },
  async diagnose(home) {
    const { diagnose } = await import("../stack/doctor.ts");
    return diagnose(await configOf(home));
  },
};

async function main(): Promise<never> {
  const interrupt = new AbortController();
  process.on("SIGINT", () => interrupt.abort()); // the second one does nothing more
  // A reader that has gone away, as in `kamachiq logs | head`, is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  const exitCode = await runCli(process.argv.slice(2), {
    version: VERSION,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    installation,
    offline,
    entries: { server: entry("server.ts"), worker: entry("worker-process.ts") },
    interrupt: interrupt.signal,
  });
  // What is still open (keep-alive connections, timers) must not hold the shell up; output is written first.
  await new Promise<void>((resolve) => process.stdout.write("", () => resolve()));
  process.exit(exitCode);
}

await main();
