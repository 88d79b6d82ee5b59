import { createRoute, z } from "@hono/zod-openapi";
import type { Selectable } from "kysely";
import { ConflictError, InputError, NotFoundError } from "../../domain/errors.ts";
import { Id } from "../../domain/ids.ts";
import { Budget, ProjectSpec } from "../../domain/intake.ts";
import { PlannerOutput } from "../../domain/plan.ts";
import type { Database } from "../../persistence/schema.ts";
import { canonicalJson, sha256 } from "../../platform/digest.ts";
import { requireRole } from "../auth.ts";
import { TemplateView } from "../capsule-views.ts";
import type { ApiApp, ApiContext } from "../context.ts";
import { createProject } from "../create-project.ts";
import { once } from "../idempotency.ts";
import { checkAgainstSettings } from "../projects.ts";
import { documented } from "../validation.ts";
import { Accepted, PlanView } from "../views.ts";
import { planView } from "./mao-plans.ts";
import { body, IdempotencyHeaders, json, listOf, page, pageOf, problems } from "./shared.ts";

/** Templates of one tenant. */
const TEMPLATES_MAX = 1_000;

const list = createRoute({
  method: "get",
  path: "/v1/templates",
  tags: ["mao"],
  summary: "A tenant's planner outputs that are kept to be carried out again, by name",
  request: { query: z.strictObject({ tenant: Id.default("default"), ...page(50) }) },
  responses: { 200: json("Templates", listOf("TemplateList", TemplateView)), ...problems },
});

const importing = createRoute({
  method: "post",
  path: "/v1/templates/import",
  tags: ["mao"],
  summary: "Keep a planner output under a name, which the tenant has only once",
  middleware: [requireRole("operator")] as const,
  request: {
    headers: IdempotencyHeaders,
    ...body(
      z.strictObject({
        tenant: Id.default("default"),
        name: Id,
        planner_output: documented("PlannerOutput", PlannerOutput, "input"),
      }),
    ),
  },
  responses: { 201: json("Kept", TemplateView), ...problems },
});

const Parameters = z.record(Id, z.record(z.string().max(100), z.json())).default({});

const Instance = z
  .strictObject({
    spec: documented("ProjectSpec", ProjectSpec, "input").optional(),
    /** Instead of a spec, which they make with the template's tenant. */
    name: Id.optional(),
    goals: z.array(z.string().trim().min(1).max(2_000)).min(1).max(100).optional(),
    budget: Budget.optional(),
    /** Deliverable → parameters that take the place of the template's of the same name. */
    parameters: documented("TemplateParameters", Parameters, "input"),
    /** Check it and say what would be done; nothing is written. */
    dry_run: z.boolean().default(false),
    approve_plan: z.boolean().default(false),
  })
  .refine(
    ({ spec, name, goals, budget }) =>
      spec === undefined
        ? name !== undefined && goals !== undefined && budget !== undefined
        : name === undefined && goals === undefined && budget === undefined,
    { error: "give either spec, or name, goals and budget" },
  );

const instantiate = createRoute({
  method: "post",
  path: "/v1/templates/{id}/instantiate",
  tags: ["mao"],
  summary: "Start a project whose deliverables are the template's",
  middleware: [requireRole("operator")] as const,
  request: { headers: IdempotencyHeaders, params: z.strictObject({ id: z.uuid() }), ...body(Instance) },
  responses: {
    200: json("What would be done", PlanView),
    201: json("The project was started", Accepted),
    ...problems,
  },
});

type Row = Selectable<Database["templates"]>;

/** Planner outputs that are kept, and projects made of them as of any planner output. */
export function templateRoutes(app: ApiApp, context: ApiContext): void {
  const { db, settings } = context;

  app.openapi(list, async (c) => {
    const { tenant, after, limit } = c.req.valid("query");
    const query = db.selectFrom("templates").selectAll().where("tenant", "=", tenant).orderBy("name");
    const rows = await query.offset(after).limit(limit).execute();
    return c.json(pageOf(rows.map(viewOf), { after, limit }), 200);
  });

  app.openapi(importing, async (c) => {
    const { tenant, name, planner_output } = c.req.valid("json");
    const output = canonicalJson(planner_output);
    const imported_by = c.var.principal.name;
    const row = { tenant, name, output, digest: sha256(output), imported_by };
    const at = { principal: imported_by, key: c.req.valid("header")["idempotency-key"], request: { import: row } };
    const view = await db.transaction().execute((tx) =>
      once(tx, at, async () => {
        const { count } = await tx
          .selectFrom("templates")
          .select((eb) => eb.fn.countAll<number>().as("count"))
          .where("tenant", "=", tenant)
          .executeTakeFirstOrThrow();
        if (count >= TEMPLATES_MAX) throw new ConflictError(`${tenant} has ${count} templates, which is the limit.`);
        const added = await tx
          .insertInto("templates")
          .values(row)
          .onConflict((oc) => oc.doNothing())
          .returningAll()
          .executeTakeFirst();
        if (added !== undefined) return viewOf(added);
        throw new ConflictError(`${tenant} has a template "${name}" already.`, "Choose another name.");
      }),
    );
    return c.json(view, 201);
  });

  app.openapi(instantiate, async (c) => {
    const { id } = c.req.valid("param");
    const row = await db.selectFrom("templates").selectAll().where("id", "=", id).executeTakeFirst();
    if (row === undefined) throw new NotFoundError("template", id, "GET /v1/templates lists them.");
    const { parameters, dry_run, approve_plan, spec: given, name, goals, budget } = c.req.valid("json");
    const spec = given ?? ProjectSpec.parse({ name, goals, budget, tenant: row.tenant });
    if (spec.tenant !== row.tenant)
      throw new NotFoundError("template", id, `The tenant ${spec.tenant} has no such one.`);
    checkAgainstSettings(spec, undefined, settings);
    const preview = await context.previewPlan(spec, { output: withParameters(row.output, parameters) });
    if (dry_run) return c.json(planView(preview), 200);
    const { view, resumed } = await createProject(
      context,
      { spec, plan: preview.plan, approve_plan, attach: "never" },
      { actor: c.var.principal.name, key: c.req.valid("header")["idempotency-key"] },
    );
    c.header("location", `/v1/projects/${view.id}`);
    return c.json({ ...view, resumed }, 201);
  });
}

function withParameters(output: PlannerOutput, parameters: z.infer<typeof Parameters>): PlannerOutput {
  const known = output.deliverables.map(({ id }) => id);
  const unknown = Object.keys(parameters).filter((id) => !known.includes(id));
  if (unknown.length > 0) {
    throw new InputError("There are parameters for deliverables that the template does not have.", {
      code: "parameters_invalid",
      problems: unknown.map((id) => `parameters.${id}: no such deliverable; there are: ${known.join(", ")}`),
    });
  }
  return {
    ...output,
    deliverables: output.deliverables.map((deliverable) => ({
      ...deliverable,
      parameters: { ...deliverable.parameters, ...parameters[deliverable.id] },
    })),
  };
}

function viewOf({ output, imported_at, ...row }: Row): TemplateView {
  return { ...row, planner_output: output, imported_at: imported_at.toISOString() };
}
