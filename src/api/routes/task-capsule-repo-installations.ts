import { createRoute, z } from "@hono/zod-openapi";
import { compositionProblems } from "../../domain/capsule-rules.ts";
import { InputError } from "../../domain/errors.ts";
import { Id } from "../../domain/ids.ts";
import {
  currentInstallations,
  type Installation,
  installCapsule,
  installationsOf,
  publishedVersion,
  rollBackInstallation,
} from "../../persistence/capsules.ts";
import { requireRole } from "../auth.ts";
import { InstallationView } from "../capsule-views.ts";
import type { ApiApp, ApiContext } from "../context.ts";
import { once } from "../idempotency.ts";
import { body, IdempotencyHeaders, json, listOf, page, pageOf, problems } from "./shared.ts";

const list = createRoute({
  method: "get",
  path: "/v1/installations",
  tags: ["task-capsule-repo"],
  summary: "What was installed for a tenant and when, by capsule, the newest first",
  request: { query: z.strictObject({ tenant: Id.default("default"), capsule: Id.optional(), ...page(100) }) },
  responses: { 200: json("Installations", listOf("InstallationList", InstallationView)), ...problems },
});

const install = createRoute({
  method: "post",
  path: "/v1/installations",
  tags: ["task-capsule-repo"],
  summary: "Let a tenant plan with a published version; running projects keep theirs",
  middleware: [requireRole("operator")] as const,
  request: {
    headers: IdempotencyHeaders,
    ...body(
      z.strictObject({
        tenant: Id.default("default"),
        capsule: Id,
        /** The newest published one where it is left out. */
        version: z.string().max(20).optional(),
      }),
    ),
  },
  responses: { 201: json("In force", InstallationView), ...problems },
});

const rollback = createRoute({
  method: "post",
  path: "/v1/installations/{id}/rollback",
  tags: ["task-capsule-repo"],
  summary: "Go back from the installation that is in force to the one before it",
  middleware: [requireRole("operator")] as const,
  request: { headers: IdempotencyHeaders, params: z.strictObject({ id: z.uuid() }) },
  responses: { 201: json("In force again", InstallationView), ...problems },
});

/** Which published versions a tenant plans with. History is only added to. */
export function installationRoutes(app: ApiApp, { db, capsules }: ApiContext): void {
  app.openapi(list, async (c) => {
    const { tenant, capsule, after, limit } = c.req.valid("query");
    const [rows, current] = await Promise.all([
      installationsOf(db, { tenant, capsule, after, limit }),
      currentInstallations(db, tenant),
    ]);
    const inForce = new Set(current.map(({ id }) => id));
    return c.json(
      pageOf(
        rows.map((row) => viewOf(row, inForce.has(row.id))),
        { after, limit },
      ),
      200,
    );
  });

  app.openapi(install, async (c) => {
    const { tenant, capsule, version } = c.req.valid("json");
    const published = await publishedVersion(db, capsule, version);
    await refuseUnfit(tenant, capsule, published);
    const installed_by = c.var.principal.name;
    const wanted = { tenant, capsule_id: capsule, installed_by, ...published };
    const at = {
      principal: installed_by,
      key: c.req.valid("header")["idempotency-key"],
      request: { install: { tenant, capsule, version } },
    };
    const view = await db
      .transaction()
      .execute((tx) => once(tx, at, async () => viewOf(await installCapsule(tx, wanted), true)));
    return c.json(view, 201);
  });

  app.openapi(rollback, async (c) => {
    const { id } = c.req.valid("param");
    const actor = c.var.principal.name;
    const at = { principal: actor, key: c.req.valid("header")["idempotency-key"], request: { rollback: id } };
    const view = await db
      .transaction()
      .execute((tx) => once(tx, at, async () => viewOf(await rollBackInstallation(tx, id, actor), true)));
    return c.json(view, 201);
  });

  /** A capsule that uses what the tenant has not, or itself by way of others, would stop all its planning. */
  async function refuseUnfit(tenant: string, id: string, at: { version: string; digest: string }): Promise<void> {
    const { capsule } = await capsules.get(id, at.version, at.digest);
    const others = (await capsules.of(tenant).list()).filter((other) => other.id !== id);
    const found = compositionProblems([...others, capsule]);
    if (found.length === 0) return;
    throw new InputError(`${id} ${at.version} does not fit what is installed for ${tenant}.`, {
      code: "capsules_unfit",
      problems: found.map((one) => `${one.id}: ${one.problem}`),
      remedy: "Install first what it uses.",
    });
  }
}

function viewOf({ capsule_id, installed_at, ...row }: Installation, in_force: boolean): InstallationView {
  return { ...row, capsule: capsule_id, installed_at: installed_at.toISOString(), in_force };
}
