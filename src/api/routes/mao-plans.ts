import { createRoute, z } from "@hono/zod-openapi";
import { Id } from "../../domain/ids.ts";
import { ProjectSpec } from "../../domain/intake.ts";
import { Plan, PlannerOutput } from "../../domain/plan.ts";
import { estimatePlan } from "../../domain/plan-estimate.ts";
import type { ResourceKind } from "../../domain/provision.ts";
import { listPlannings } from "../../persistence/plannings.ts";
import { requireRole } from "../auth.ts";
import type { ApiApp, ApiContext } from "../context.ts";
import { createProject } from "../create-project.ts";
import type { PlanPreview } from "../deps.ts";
import { checkAgainstSettings } from "../projects.ts";
import { documented } from "../validation.ts";
import { Accepted, PlanView } from "../views.ts";
import { body, IdempotencyHeaders, json, listOf, page, pageOf, problems } from "./shared.ts";

const plan = createRoute({
  method: "post",
  path: "/v1/plans",
  tags: ["mao"],
  summary: "Plan a spec without starting it; nothing is written but what a model cost",
  middleware: [requireRole("operator")] as const,
  request: body(z.strictObject({ spec: documented("ProjectSpec", ProjectSpec, "input") })),
  responses: { 200: json("The plan, its order and what policy says", PlanView), ...problems },
});

const PlanningView = z
  .object({
    name: z.string(),
    model: z.string(),
    rounds: z.int(),
    input_tokens: z.int(),
    output_tokens: z.int(),
    source: z.enum(["provider", "tokenizer"]),
    usd: z.number(),
    reserve_tokens: z.int(),
    outcome: z.string().openapi({ description: "planned, or the code of the error" }),
    plan_digest: z.string().nullable(),
    project_id: z.string().nullable().openapi({ description: "the project that was made of the plan and is charged" }),
    planned_at: z.string(),
  })
  .openapi("Planning");

const plannings = createRoute({
  method: "get",
  path: "/v1/plans",
  tags: ["mao"],
  summary: "What a tenant's planning with a model cost, newest first, also where no plan came of it",
  middleware: [requireRole("operator")] as const,
  request: { query: z.strictObject({ tenant: Id.default("default"), ...page(50) }) },
  responses: { 200: json("Plannings", listOf("PlanningList", PlanningView)), ...problems },
});

const execute = createRoute({
  method: "post",
  path: "/v1/plans/execute",
  tags: ["mao"],
  summary: "Carry out a plan exactly as it stands, or a planner output",
  middleware: [requireRole("operator")] as const,
  request: {
    headers: IdempotencyHeaders,
    ...body(
      z
        .strictObject({
          spec: documented("ProjectSpec", ProjectSpec, "input"),
          plan: documented("PlanInput", Plan, "input").optional(),
          planner_output: documented("PlannerOutput", PlannerOutput, "input").optional(),
          /** Check it and say what would be done; nothing is written. */
          dry_run: z.boolean().default(false),
          /** Both as for a project. */
          approve_plan: z.boolean().default(false),
          attach: z.enum(["unfinished", "never"]).default("never"),
          sandbox: z.enum(["bubblewrap", "none"]).optional(),
        })
        .refine(({ plan: whole, planner_output }) => (whole === undefined) !== (planner_output === undefined), {
          error: "give either plan or planner_output",
        }),
    ),
  },
  responses: {
    200: json("An unfinished project was taken up, or what would be done", z.union([Accepted, PlanView])),
    201: json("The project was started", Accepted),
    ...problems,
  },
});

export function planRoutes(app: ApiApp, context: ApiContext): void {
  app.openapi(plan, async (c) => {
    const { spec } = c.req.valid("json");
    checkAgainstSettings(spec, undefined, context.settings);
    return c.json(planView(await context.previewPlan(spec)), 200);
  });
  app.openapi(plannings, async (c) => {
    const { tenant, ...at } = c.req.valid("query");
    const rows = await listPlannings(context.db, tenant, at);
    const items = rows.map(({ id: _id, tenant: _tenant, planned_at, ...row }) => {
      return { ...row, planned_at: planned_at.toISOString() };
    });
    return c.json(pageOf(items, at), 200);
  });
  executeRoute(app, context);
}

function executeRoute(app: ApiApp, context: ApiContext): void {
  app.openapi(execute, async (c) => {
    const { plan: given, planner_output: output, dry_run, attach, approve_plan, sandbox, spec } = c.req.valid("json");
    checkAgainstSettings(spec, sandbox, context.settings);
    const preview = await context.previewPlan(spec, { plan: given, output });
    if (dry_run) return c.json(planView(preview), 200);
    const { view, resumed } = await createProject(
      context,
      { spec, plan: preview.plan, approve_plan, attach },
      { actor: c.var.principal.name, key: c.req.valid("header")["idempotency-key"] },
    );
    c.header("location", `/v1/projects/${view.id}`);
    return c.json({ ...view, resumed }, resumed ? 200 : 201);
  });
}

export function planView({ plan: planned, digest, reports, decisions }: PlanPreview): PlanView {
  const wanted = Object.entries(planned.provisioning).flatMap(([kind, want]) => (want ? [kind as ResourceKind] : []));
  const kindsOf = ({ registries }: (typeof planned.deliverables)[number]): ResourceKind[] =>
    registries.length === 0 ? wanted : [...wanted, "dependencies"];
  return {
    plan: planned,
    digest,
    estimate: estimatePlan(planned),
    reports: Object.fromEntries(
      Object.entries(reports).map(([id, report]) => [
        id,
        {
          order: report.order,
          waves: report.waves,
          widest_wave: report.widest_wave,
          critical_path: report.critical_path,
          critical_path_seconds: report.critical_path_seconds,
        },
      ]),
    ),
    decisions,
    resources: planned.deliverables.flatMap((deliverable) =>
      kindsOf(deliverable).map((kind) => ({ deliverable_id: deliverable.id, kind })),
    ),
  };
}
