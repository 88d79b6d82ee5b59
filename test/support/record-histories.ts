// `node test/support/record-histories.ts HOME VERSION`: saves one history of each workflow from a running server, for the
// replay test. Record once for each released version, after a run with a remediation or a human review.
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Connection, Client } from "@temporalio/client";
import { resolveConfig } from "../../src/config/config.ts";
import { ensureComponents } from "../../src/stack/components.ts";
import { readServerInfo } from "../../src/stack/server-info.ts";
import { ROOT } from "./kamachiq.ts";

const [home, version] = process.argv.slice(2);
const info = await readServerInfo(home ?? "");
if (info === null || version === undefined)
  throw new Error("usage: record-histories.ts HOME VERSION, with a server running");
const { temporal } = await ensureComponents(resolveConfig({ home }), console.error);
const connection = await Connection.connect({ address: info.temporal_address });
const client = new Client({ connection });
const longest = new Map<string, { id: string; events: number }>();
for await (const { type, workflowId, historyLength } of client.workflow.list()) {
  if (historyLength > (longest.get(type)?.events ?? 0)) longest.set(type, { id: workflowId, events: historyLength });
}
for (const [type, { id, events }] of longest) {
  const show = ["workflow", "show", "--workflow-id", id, "--output", "json", "--address", info.temporal_address];
  const history = JSON.parse(
    execFileSync(temporal ?? "temporal", show, { encoding: "utf8", maxBuffer: 64e6 }),
  ) as unknown;
  const text = JSON.stringify(history, (key, value: unknown) => (key === "identity" ? "worker" : value));
  await writeFile(join(ROOT, "test/histories", `${type}-${version}.json`), `${text}\n`);
  console.log(`${type}: ${id}, ${events} events`);
}
await connection.close();
