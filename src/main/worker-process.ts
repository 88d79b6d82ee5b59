import { once } from "node:events";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Config, resolveConfig } from "../config/config.ts";
import { InputError } from "../domain/errors.ts";
import { type DatabaseAddress, migrate, openDatabase, openPool } from "../persistence/database.ts";
import { openLogs } from "../platform/log.ts";
import { ensureComponents } from "../stack/components.ts";
import { readServerInfo } from "../stack/server-info.ts";
import { composeDeps } from "./compose.ts";
import { runAsProcess } from "./process.ts";
import { startWorkers } from "./worker.ts";

/** `node src/main/worker-process.ts --home DIR [--region ID]`: one more worker beside a server. Ends on SIGTERM and SIGINT. */
async function main(stop: AbortController): Promise<void> {
  const { values } = parseArgs({ options: { home: { type: "string" }, region: { type: "string" } } });
  const config = resolveConfig({ home: values.home });
  const { address, database } = await findServers(config);
  const components = await ensureComponents(config, (line) => console.error(line));
  const logs = openLogs(join(config.home, "logs"), config.log);
  const db = openDatabase(openPool(database));
  await migrate(db);
  const region = values.region ?? config.region;
  const workers = await startWorkers({
    address,
    namespace: config.temporal.namespace,
    region,
    agents_max: config.limits.agents_per_worker,
    cache: config.cache,
    deps: await composeDeps({ config, components, db, logs }),
    log: logs.server,
  });
  console.error(`worker for region ${region} at ${address}`);
  await Promise.race([workers.done, stop.signal.aborted ? undefined : once(stop.signal, "abort")]);
  await workers.stop();
  await db.destroy();
}

/** The configured Temporal and database, or those of the server that runs in this home. */
async function findServers(config: Config): Promise<{ address: string; database: DatabaseAddress }> {
  const running = await readServerInfo(config.home);
  const address = config.temporal.address ?? running?.temporal_address;
  const database = config.database.url === null ? running?.database : { connectionString: config.database.url };
  if (address !== undefined && database !== undefined) return { address, database };
  throw new InputError(`No server runs in ${config.home}, so there is nothing to work for.`, {
    code: "server_missing",
    remedy: "Start one with `kamachiq up`, or set TEMPORAL_ADDRESS and KAMACHIQ_DATABASE_URL.",
  });
}

await runAsProcess(main);
