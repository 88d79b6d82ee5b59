import { createRoute, z } from "@hono/zod-openapi";
import { CapsuleContent, type LoadedCapsule } from "../../domain/capsule.ts";
import { ConflictError } from "../../domain/errors.ts";
import { Id } from "../../domain/ids.ts";
import { type Published, publishCapsule, publishedCapsules } from "../../persistence/capsules.ts";
import { canonicalJson } from "../../platform/digest.ts";
import { requireRole } from "../auth.ts";
import { CapsuleDetail, CapsuleView } from "../capsule-views.ts";
import type { ApiApp, ApiContext } from "../context.ts";
import { once } from "../idempotency.ts";
import { documented } from "../validation.ts";
import { body, IdempotencyHeaders, json, listOf, page, pageOf, problems } from "./shared.ts";

const Tenant = Id.default("default");
const Version = z.string().max(20);

const list = createRoute({
  method: "get",
  path: "/v1/capsules",
  tags: ["task-capsule-repo"],
  summary: "The product's capsules and all published versions, and which a tenant's plans are made with",
  request: { query: z.strictObject({ tenant: Tenant, ...page(100) }) },
  responses: { 200: json("Capsules, by id and version", listOf("CapsuleList", CapsuleView)), ...problems },
});

const get = createRoute({
  method: "get",
  path: "/v1/capsules/{id}",
  tags: ["task-capsule-repo"],
  summary: "One capsule in full: the version that is in force for the tenant, or the one that is named",
  request: {
    params: z.strictObject({ id: Id }),
    query: z.strictObject({ tenant: Tenant, version: Version.optional() }),
  },
  responses: { 200: json("The capsule", CapsuleDetail), ...problems },
});

const publish = createRoute({
  method: "post",
  path: "/v1/capsules",
  tags: ["task-capsule-repo"],
  summary: "Publish a version; it never changes, and nobody plans with it before it is installed",
  middleware: [requireRole("operator")] as const,
  request: {
    headers: IdempotencyHeaders,
    /** The capsules that it is checked beside. */
    query: z.strictObject({ tenant: Tenant }),
    ...body(documented("CapsuleContent", CapsuleContent, "input")),
  },
  responses: {
    200: json("This very content was published before", CapsuleView),
    201: json("Published", CapsuleView),
    ...problems,
  },
});

/** The capsules that there are, and publishing. */
export function capsuleRoutes(app: ApiApp, context: ApiContext): void {
  const { db, capsules } = context;

  app.openapi(list, async (c) => {
    const { tenant, after, limit } = c.req.valid("query");
    const [own, published, inForce] = await Promise.all([
      capsules.list().then((all) => Promise.all(all.map(({ id, version }) => capsules.get(id, version)))),
      publishedCapsules(db),
      versionsInForce(tenant),
    ]);
    const shipped = new Set(own.map(({ digest }) => digest));
    const names: Name[] = [
      ...own.map(({ capsule: { id, version }, digest }) => ({ id, version, digest, row: undefined })),
      ...published
        .filter(({ digest }) => !shipped.has(digest))
        .map((row) => ({ id: row.id, version: row.version, digest: row.digest, row })),
    ];
    const wanted = names.toSorted((a, b) => (a.id < b.id ? -1 : Number(a.id > b.id))).slice(after, after + limit);
    const items: CapsuleView[] = [];
    for (const { id, version, digest, row } of wanted) {
      items.push(viewOf(await capsules.get(id, version, digest), row, inForce.get(id) === version));
    }
    return c.json(pageOf(items, { after, limit }), 200);
  });

  app.openapi(get, async (c) => {
    const { id } = c.req.valid("param");
    const { tenant, version } = c.req.valid("query");
    const rows = await publishedCapsules(db, id);
    const named = rows.find((row) => row.version === version);
    const loaded = await (named === undefined
      ? capsules.of(tenant).get(id, version)
      : capsules.get(id, version, named.digest));
    const { capsule, templates, digest } = loaded;
    const inForce = (await versionsInForce(tenant)).get(id) === capsule.version;
    const view = viewOf(
      loaded,
      rows.find((row) => row.digest === digest),
      inForce,
    );
    const versions = rows.map((row) => ({ version: row.version, digest: row.digest }));
    return c.json({ ...view, capsule, templates: [...templates.keys()], versions }, 200);
  });

  app.openapi(publish, async (c) => {
    const content = c.req.valid("json");
    const { tenant } = c.req.valid("query");
    const actor = c.var.principal.name;
    const loaded = context.checkCapsule(content, await capsules.of(tenant).list());
    await refuseDisguise(loaded);
    const { capsule, digest } = loaded;
    const stored = { capsule_id: capsule.id, version: capsule.version, digest, content: canonicalJson(content) };
    const request = { publish: digest };
    const at = { principal: actor, key: c.req.valid("header")["idempotency-key"], request };
    const { fresh } = await db.transaction().execute((tx) => once(tx, at, () => publishCapsule(tx, stored, actor)));
    const row = (await publishedCapsules(db, capsule.id)).find((published) => published.digest === digest);
    const inForce = (await versionsInForce(tenant)).get(capsule.id) === capsule.version;
    return c.json(viewOf(loaded, row, inForce), fresh ? 201 : 200);
  });

  async function versionsInForce(tenant: string): Promise<Map<string, string>> {
    return new Map((await capsules.of(tenant).list()).map(({ id, version }) => [id, version]));
  }

  /** A version that comes with the product means that content, and its planner and reviewer are nobody else's. */
  async function refuseDisguise({ capsule, digest }: LoadedCapsule): Promise<void> {
    const own = (await capsules.list()).find(({ id }) => id === capsule.id);
    if (own === undefined) return;
    const same = own.version === capsule.version ? await capsules.get(own.id, own.version) : undefined;
    if (own.type === "delivery" && (same === undefined || same.digest === digest)) return;
    throw new ConflictError(
      `${capsule.id} ${capsule.version} comes with the product.`,
      own.type === "delivery" ? "Raise the version, or choose another id." : "Choose another id.",
    );
  }
}

interface Name {
  id: string;
  version: string;
  digest: string;
  row: Published | undefined;
}

function viewOf({ capsule, digest }: LoadedCapsule, row: Published | undefined, in_force: boolean): CapsuleView {
  const { id, version, type, stack = null, summary } = capsule;
  return {
    id,
    version,
    digest,
    type,
    stack,
    summary,
    in_force,
    origin: row === undefined ? "product" : "published",
    published_by: row?.published_by ?? null,
    published_at: row?.published_at.toISOString() ?? null,
  };
}
