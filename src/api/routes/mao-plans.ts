import { createRoute, z } from "@hono/zod-openapi";
import { ProjectSpec } from "../../domain/intake.ts";
import type { ResourceKind } from "../../domain/provision.ts";
import { requireRole } from "../auth.ts";
import type { ApiApp, ApiContext } from "../context.ts";
import type { PlanPreview } from "../deps.ts";
import { checkAgainstSettings } from "../projects.ts";
import { documented } from "../validation.ts";
import { PlanView } from "../views.ts";
import { body, json, problems } from "./shared.ts";

const plan = createRoute({
  method: "post",
  path: "/v1/plans",
  tags: ["mao"],
  summary: "Plan a spec without starting it; nothing is written",
  middleware: [requireRole("operator")] as const,
  request: body(z.strictObject({ spec: documented("ProjectSpec", ProjectSpec, "input") })),
  responses: { 200: json("The plan, its order and what policy says", PlanView), ...problems },
});

export function planRoutes(app: ApiApp, context: ApiContext): void {
  app.openapi(plan, async (c) => {
    const { spec } = c.req.valid("json");
    checkAgainstSettings(spec, undefined, context.settings);
    return c.json(planView(await context.previewPlan(spec)), 200);
  });
}

export function planView({ plan: planned, reports, decisions }: PlanPreview): PlanView {
  const wanted = Object.entries(planned.provisioning).flatMap(([kind, want]) => (want ? [kind as ResourceKind] : []));
  const kindsOf = ({ registries }: (typeof planned.deliverables)[number]): ResourceKind[] =>
    registries.length === 0 ? wanted : [...wanted, "dependencies"];
  return {
    plan: planned,
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
