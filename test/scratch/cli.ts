import { readFileSync } from "node:fs";
import { runCli } from "../../src/cli/main.ts";
import { fileURLToPath } from "node:url";
const home = process.env.KH!;
const interrupt = new AbortController();
process.on("SIGINT", () => interrupt.abort());
const code = await runCli(process.argv.slice(2), { version: "0.1.0", stdout: process.stdout, stderr: process.stderr, env: process.env, interrupt: interrupt.signal,
  installation: { home: async () => home, serverInfo: async () => { try { return JSON.parse(readFileSync(home + "/server.json", "utf8")); } catch { return null; } }, ensureComponents: async () => {}, token: async () => "t".repeat(32), diagnose: async () => [{ name: "git", state: "ok", detail: "2.39", remedy: null }] },
  entries: { server: fileURLToPath(new URL("server.ts", import.meta.url)), worker: "" } });
process.exit(code);
