import { once } from "node:events";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { serve, type ServerType } from "@hono/node-server";
import { Client, Connection } from "@temporalio/client";
import { createRecordedPlanner } from "../adapters/planner-recorded.ts";
import { type Api, createApi } from "../api/app.ts";
import { createLogFiles } from "../api/log-files.ts";
import { type Config, resolveConfig } from "../config/config.ts";
import { type Db, migrate, openDatabase, openPool } from "../persistence/database.ts";
import { type Logs, openLogs } from "../platform/log.ts";
import { type Components, ensureComponents } from "../stack/components.ts";
import { acquireLock } from "../stack/lock.ts";
import { removeServerInfo, writeServerInfo } from "../stack/server-info.ts";
import { type Stack, startStack } from "../stack/stack.ts";
import { loadPrincipals } from "../stack/tokens.ts";
import { checkPublished } from "./capsule-tools.ts";
import { composeDeps } from "./compose.ts";
import { watchIdleness } from "./idle.ts";
import { createPreview } from "./preview.ts";
import { runAsProcess } from "./process.ts";
import { VERSION } from "./version.ts";
import { startWorkers } from "./worker.ts";

interface ServerOptions {
  config: Config;
  /** Go away when nothing runs and nobody looks. */
  idle_exit: boolean;
  progress: (line: string) => void;
}

/** The whole product in one process: embedded stack, workers, API. Ends when `stop` is aborted, when idle, or when the stack fails. */
async function runServer(options: ServerOptions, stop: AbortController): Promise<void> {
  const { config, progress } = options;
  const components = await ensureComponents(config, progress);
  const lock = await acquireLock(config.home);
  const logs = openLogs(join(config.home, "logs"), config.log);
  try {
    const stack = await startStack({ config, components, progress, log: logs.server });
    try {
      await serveUntil(options, components, stack, logs, stop);
    } finally {
      await removeServerInfo(config.home);
      await stack.stop();
      logs.server.info("stopped");
    }
  } finally {
    lock.release();
  }
}

async function serveUntil(
  { config, idle_exit, progress }: ServerOptions,
  components: Components,
  stack: Stack,
  logs: Logs,
  stop: AbortController,
): Promise<void> {
  let failure: unknown;
  const fail = (error: unknown): void => {
    logs.server.fatal({ err: error }, "the server can't go on");
    failure ??= error;
    stop.abort();
  };
  stack.onFailure(fail);
  const pool = openPool(stack.database);
  const db = openDatabase(pool);
  await migrate(db);
  const deps = await composeDeps({ config, components, db, logs });
  const { address, namespace } = stack.temporal;
  const workers = await startWorkers({
    address,
    namespace,
    region: config.region,
    agents_max: config.limits.agents_per_worker,
    cache: config.cache,
    deps,
    log: logs.server,
  });
  workers.done.catch(fail);
  const connection = await Connection.connect({ address });
  const api = createApi({
    db,
    pool,
    temporal: new Client({ connection, namespace }),
    principals: await loadPrincipals(config),
    artifacts: deps.artifacts,
    logs: createLogFiles(join(config.home, "logs", "projects")),
    log: logs.server,
    previewPlan: createPreview({ ...deps, planner: createRecordedPlanner(deps.planner, db) }),
    capsules: deps.library,
    checkCapsule: checkPublished,
    settings: {
      version: VERSION,
      sandbox: deps.sandbox,
      max_concurrency: config.limits.max_concurrency,
      regions: [config.region],
      temporal_ui: stack.temporal.uiUrl,
      temporal_namespace: namespace,
      hosts: ["127.0.0.1", "localhost", "[::1]"],
    },
  });
  const http = await listen(config, api, { db, logs, idle: idle_exit ? () => stop.abort() : undefined });
  await writeServerInfo(config.home, {
    pid: process.pid,
    url: http.url,
    version: VERSION,
    temporal_address: address,
    temporal_ui_url: stack.temporal.uiUrl,
    database: stack.database,
    started_at: new Date().toISOString(),
  });
  logs.server.info({ url: http.url, temporal: address }, "ready");
  progress(`ready at ${http.url}`);
  if (!stop.signal.aborted) await once(stop.signal, "abort");
  api.close();
  http.server.close();
  await workers.stop();
  await connection.close();
  await db.destroy();
  if (failure !== undefined) throw failure;
}

async function listen(
  { server: { host, port } }: Config,
  api: Api,
  { db, logs, idle }: { db: Db; logs: Logs; idle: (() => void) | undefined },
): Promise<{ server: ServerType; url: string }> {
  let requested = Date.now();
  const fetch: typeof api.app.fetch = (...args) => {
    requested = Date.now();
    return api.app.fetch(...args);
  };
  const server = serve({ fetch, hostname: host, port });
  await once(server, "listening");
  const bound = server.address();
  if (idle !== undefined) {
    watchIdleness({ db, watchers: api.watchers, lastRequest: () => requested, log: logs.server, onIdle: idle });
  }
  return { server, url: `http://${host}:${typeof bound === "object" && bound !== null ? bound.port : port}` };
}

/** `node src/main/server.ts --home DIR [--sandbox KIND] [--idle-exit]`: what the command line starts. */
async function main(stop: AbortController): Promise<void> {
  const { values } = parseArgs({
    options: {
      home: { type: "string" },
      sandbox: { type: "string" },
      "idle-exit": { type: "boolean", default: false },
    },
  });
  const config = resolveConfig({ home: values.home, sandbox: values.sandbox });
  await runServer({ config, idle_exit: values["idle-exit"], progress: (line) => console.error(line) }, stop);
}

if (import.meta.main) await runAsProcess(main);
