import { readFileSync, writeFileSync, openSync, readFileSync as rf, rmSync } from "node:fs";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { serve } from "@hono/node-server";
import { Client, Connection } from "@temporalio/client";
import { pino } from "pino";
import { createApi } from "../../src/api/app.ts";
import { createLogFiles } from "../../src/api/log-files.ts";
import { openDatabase, openPool } from "../../src/persistence/database.ts";
const home = process.argv[process.argv.indexOf("--home") + 1]!;
if (process.env.BOOT_FAIL === "1") { console.error("some line\nanother"); process.exit(1); }
if (process.env.BOOT_FAIL === "2") { console.error(JSON.stringify({ status: 503, code: "component_missing", detail: "No Temporal.", remedy: "Install it." })); process.exit(1); }
const lock = home + "/lock";
for (;;) { try { const fd = openSync(lock, "wx"); writeFileSync(fd, String(process.pid)); break; } catch { const pid = Number(rf(lock, "utf8")); let alive = true; try { process.kill(pid || 0, 0); } catch { alive = false; } if (alive) { console.error(JSON.stringify({ status: 409, code: "home_locked", detail: "locked" })); process.exit(1); } rmSync(lock); } }
await new Promise((r) => setTimeout(r, 500));
const { database, temporal } = JSON.parse(readFileSync("/tmp/scratch-servers.json", "utf8"));
const pool = openPool(database); const db = openDatabase(pool);
const connection = await Connection.connect({ address: temporal.address });
const api = createApi({ db, pool, temporal: new Client({ connection }), principals: [{ name: "admin", roles: ["admin"], token_digest: createHash("sha256").update("t".repeat(32)).digest("hex") }],
  artifacts: { put: () => Promise.reject(new Error()), get: () => Promise.reject(new Error()), getJson: () => Promise.reject(new Error()) }, logs: createLogFiles(home), log: pino(), previewPlan: () => Promise.reject(new Error()),
  settings: { version: "0.1.0", sandbox: "bubblewrap", max_concurrency: 10, regions: ["local"], temporal_ui: "http://localhost:8233", temporal_namespace: "default", hosts: ["127.0.0.1"] } });
const server = serve({ fetch: api.app.fetch, hostname: "127.0.0.1", port: 0 });
await once(server, "listening");
writeFileSync(home + "/server.json", JSON.stringify({ url: `http://127.0.0.1:${(server.address() as any).port}`, version: "0.1.0", pid: process.pid }));
process.on("SIGTERM", () => { rmSync(home + "/server.json"); rmSync(lock); process.exit(0); });
