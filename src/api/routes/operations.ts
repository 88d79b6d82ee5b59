import { createRoute, z } from "@hono/zod-openapi";
import { sql } from "kysely";
import { TransientError } from "../../domain/errors.ts";
import type { ApiApp, ApiContext } from "../context.ts";
import { json, problems } from "./shared.ts";

const CHECK_TIMEOUT_MS = 3_000;

const Health = z.object({ status: z.literal("ok"), version: z.string(), pid: z.int() }).openapi("Health");
const Readiness = z
  .object({
    database: z.enum(["ok", "away"]),
    temporal: z.enum(["ok", "away"]),
    /** Where people look at workflows. */
    temporal_ui: z.string().nullable(),
  })
  .openapi("Readiness");

const healthz = createRoute({
  method: "get",
  path: "/healthz",
  tags: ["operations"],
  summary: "Whether the process answers",
  security: [],
  responses: { 200: json("It does", Health), ...problems },
});

const readyz = createRoute({
  method: "get",
  path: "/readyz",
  tags: ["operations"],
  summary: "Whether the database and Temporal answer too",
  security: [],
  responses: { 200: json("They do", Readiness), 503: json("One of them does not", Readiness) },
});

const Whoami = z.object({ name: z.string(), roles: z.array(z.string()) }).openapi("Principal");

const whoami = createRoute({
  method: "get",
  path: "/v1/whoami",
  tags: ["identity"],
  summary: "Whose token this is",
  responses: { 200: json("The principal", Whoami), ...problems },
});

export function operationRoutes(app: ApiApp, { db, temporal, settings }: ApiContext): void {
  app.openapi(healthz, (c) => c.json({ status: "ok" as const, version: settings.version, pid: process.pid }, 200));

  app.openapi(readyz, async (c) => {
    const [database, engine] = await Promise.all([
      answers(sql`select 1`.execute(db)),
      answers(temporal.connection.ensureConnected()),
    ]);
    const readiness = { database, temporal: engine, temporal_ui: settings.temporal_ui };
    return c.json(readiness, database === "ok" && engine === "ok" ? 200 : 503);
  });

  app.openapi(whoami, (c) => {
    const { name, roles } = c.var.principal;
    return c.json({ name, roles: [...roles] }, 200);
  });
}

async function answers(check: Promise<unknown>): Promise<"ok" | "away"> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TransientError("no answer in time")), CHECK_TIMEOUT_MS);
  });
  try {
    await Promise.race([check, timeout]);
    return "ok";
  } catch {
    return "away";
  } finally {
    clearTimeout(timer);
  }
}
