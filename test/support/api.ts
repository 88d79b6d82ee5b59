import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "@hono/node-server";
import { Client, Connection } from "@temporalio/client";
import { pino } from "pino";
import { createFileArtifactStore } from "../../src/adapters/artifact-store-files.ts";
import { createTemplateAgent } from "../../src/adapters/agent-template.ts";
import { watchCapsuleFolder } from "../../src/adapters/capsule-folder.ts";
import { createCapsuleRepository } from "../../src/adapters/capsule-repository.ts";
import { createCapsulePlanner } from "../../src/adapters/planner-capsule.ts";
import { createTenantPlanner } from "../../src/adapters/planner-tenant.ts";
import { createPolicyFiles } from "../../src/adapters/policy-files.ts";
import { checkPublished } from "../../src/main/capsule-tools.ts";
import { CAPSULES, POLICIES } from "../../src/main/paths.ts";
import { createPreview } from "../../src/main/preview.ts";
import { createApi } from "../../src/api/app.ts";
import { GRAPH_LIMITS } from "../../src/domain/graph-limits.ts";
import { createLogFiles } from "../../src/api/log-files.ts";
import { type Db, migrate, openDatabase, openPool } from "../../src/persistence/database.ts";
import type { ArtifactStore } from "../../src/ports/artifact-store.ts";
import { ApiClient } from "../../src/cli/api-client.ts";
import { startServers } from "./servers.ts";

export interface TestApi {
  url: string;
  db: Db;
  temporal: Client;
  artifacts: ArtifactStore;
  logs: string;
  client(role: "admin" | "operator" | "reviewer"): ApiClient;
  stop(): Promise<void>;
}

function unexpected(error: unknown): void {
  throw error;
}

/** The real API on a free port, with a PostgreSQL and a Temporal server of its own, and without a worker. */
export async function startTestApi(): Promise<TestApi> {
  const folder = await mkdtemp(join(tmpdir(), "kamachiq-api-test-"));
  const servers = await startServers();
  const pool = openPool(servers.database);
  const db = openDatabase(pool);
  await migrate(db);
  const { address, namespace } = servers.temporal;
  const connection = await Connection.connect({ address });
  const temporal = new Client({ connection, namespace });
  const artifacts = createFileArtifactStore(join(folder, "artifacts"));
  const roles = ["admin", "operator", "reviewer"] as const;
  const tokens = new Map(roles.map((role) => [role, randomBytes(32).toString("hex")]));
  const policies = await createPolicyFiles(POLICIES);
  const library = createCapsuleRepository(db, watchCapsuleFolder(CAPSULES, unexpected));
  const api = createApi({
    db,
    pool,
    temporal,
    artifacts,
    principals: roles.map((name) => ({
      name,
      roles: [name],
      token_digest: createHash("sha256")
        .update(tokens.get(name) ?? "")
        .digest("hex"),
    })),
    logs: createLogFiles(folder),
    log: pino({ level: process.env["LOG_LEVEL"] ?? "silent" }),
    previewPlan: createPreview({
      planner: createTenantPlanner(library, createCapsulePlanner),
      library,
      policy: {
        constitution_hash: policies.constitution_hash,
        evaluate: (context, options) => policies.engine.evaluate(context, options),
      },
      sandbox: "bubblewrap",
      agents: new Map([["template", createTemplateAgent()]]),
      graph_limits: GRAPH_LIMITS,
    }),
    capsules: library,
    checkCapsule: checkPublished,
    settings: {
      version: "0.0.0",
      sandbox: "bubblewrap",
      max_concurrency: 10,
      regions: ["local"],
      temporal_ui: servers.temporal.uiUrl,
      temporal_namespace: namespace,
      hosts: ["127.0.0.1"],
    },
  });
  const server = serve({ fetch: api.app.fetch, hostname: "127.0.0.1", port: 0 });
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    db,
    temporal,
    artifacts,
    logs: folder,
    client: (role) => new ApiClient(url, tokens.get(role) ?? ""),
    async stop() {
      api.close();
      server.close();
      await connection.close();
      await db.destroy();
      await servers.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
