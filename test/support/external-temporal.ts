import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, Connection } from "@temporalio/client";
import { resolveConfig } from "../../src/config/config.ts";
import { ensureComponents } from "../../src/stack/components.ts";
import { freePort, startExternal } from "./external-process.ts";

const SEARCH_ATTRIBUTES = ["KamachiqTenant=Keyword", "KamachiqProject=Keyword", "KamachiqRegion=Keyword"];

export interface ExternalTemporal {
  /** host:port */
  address: string;
  /** Who did the activities of all executions so far, as Temporal names workers: `PID@HOST`. */
  workers(): Promise<Set<string>>;
  stop(): Promise<void>;
}

/** A Temporal dev server that knows the product's search attributes, as an operator would set one up. */
export async function startExternalTemporal(): Promise<ExternalTemporal> {
  const { temporal } = await ensureComponents(resolveConfig(), () => {});
  if (temporal === undefined) throw new Error("TEMPORAL_ADDRESS names a server already");
  const folder = await mkdtemp(join(tmpdir(), "kamachiq-external-temporal-"));
  const address = `127.0.0.1:${await freePort()}`;
  const port = address.split(":")[1] ?? "";
  const flags = [
    "--headless",
    "--log-level=warn",
    "--ip=127.0.0.1",
    `--port=${port}`,
    `--db-filename=${join(folder, "temporal.db")}`,
    ...SEARCH_ATTRIBUTES.map((attribute) => `--search-attribute=${attribute}`),
  ];
  const server = await startExternal({
    argv: [temporal, "server", "start-dev", ...flags],
    cwd: folder,
    log: join(folder, "temporal.log"),
    serves: () => answers(address),
  });
  return {
    address,
    workers: () => activityWorkers(address),
    async stop() {
      await server.end("SIGTERM");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Its port opens before its namespace and its search attributes are there. */
async function answers(address: string): Promise<boolean> {
  try {
    await withClient(address, async (client) => client.workflow.count("KamachiqTenant = 'none'"));
    return true;
  } catch {
    return false;
  }
}

async function activityWorkers(address: string): Promise<Set<string>> {
  return withClient(address, async (client) => {
    const identities = new Set<string>();
    for await (const { workflowId, runId } of client.workflow.list()) {
      const { events } = await client.workflow.getHandle(workflowId, runId).fetchHistory();
      for (const event of events ?? []) {
        const identity = event.activityTaskStartedEventAttributes?.identity;
        if (identity) identities.add(identity);
      }
    }
    return identities;
  });
}

async function withClient<T>(address: string, work: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address, connectTimeout: 2_000 });
  try {
    return await work(new Client({ connection }));
  } finally {
    await connection.close();
  }
}
