import { createRoute, z } from "@hono/zod-openapi";
import type { Selectable } from "kysely";
import { ConflictError, NotFoundError } from "../../domain/errors.ts";
import { PLAN_DECISIONS } from "../../domain/event-data.ts";
import { Plan } from "../../domain/plan.ts";
import type { Database } from "../../persistence/schema.ts";
import { canonicalJson } from "../../platform/digest.ts";
import { planUpdate } from "../../workflows/messages.ts";
import { requireRole } from "../auth.ts";
import type { ApiApp, ApiContext } from "../context.ts";
import { getProject, type ProjectRow } from "../projects.ts";
import { sendUpdate } from "../updates.ts";
import { documented } from "../validation.ts";
import { PlanView } from "../views.ts";
import { planView } from "./mao-plans.ts";
import { body, json, problems, ProjectParams } from "./shared.ts";

/** Enough of a digest that no other plan of the project has it. */
const DIGEST = z.string().regex(/^[0-9a-f]{12,64}$/);

const Approval = z
  .object({
    revision: z.int(),
    digest: z.string(),
    state: z.enum(["open", ...PLAN_DECISIONS]),
    requested_at: z.iso.datetime(),
    decided_at: z.iso.datetime().nullable(),
    decided_by: z.string().nullable(),
    comment: z.string().nullable(),
  })
  .openapi("PlanApproval");

const get = createRoute({
  method: "get",
  path: "/v1/projects/{id}/plan",
  tags: ["gateway"],
  summary: "The project's plan as it stands, what policy says of it, and the approvals of its revisions",
  request: { params: ProjectParams },
  responses: {
    200: json("The plan", PlanView.extend({ approvals: z.array(Approval) }).openapi("ProjectPlan")),
    ...problems,
  },
});

const Decided = z.object({ project_id: z.string(), revision: z.int(), digest: z.string() }).openapi("PlanDecided");

const approve = createRoute({
  method: "post",
  path: "/v1/projects/{id}/approve-plan",
  tags: ["gateway"],
  summary: "Approve or reject the plan with this digest; the first decision counts",
  middleware: [requireRole("reviewer")] as const,
  request: {
    params: ProjectParams,
    ...body(
      z.strictObject({
        /** At least its first 12 characters. */
        digest: DIGEST,
        decision: z.enum(["approve", "reject"]).default("approve"),
        comment: z.string().trim().max(8_000).default(""),
      }),
    ),
  },
  responses: { 200: json("Taken", Decided), ...problems },
});

const revise = createRoute({
  method: "post",
  path: "/v1/projects/{id}/revise-plan",
  tags: ["gateway"],
  summary: "Put another plan in the place of the one that waits for approval",
  middleware: [requireRole("operator")] as const,
  request: {
    params: ProjectParams,
    ...body(
      z.strictObject({
        plan: documented("PlanInput", Plan, "input"),
        comment: z.string().trim().max(8_000).default(""),
      }),
    ),
  },
  responses: { 200: json("Taken", Decided), ...problems },
});

type Row = Selectable<Database["plan_approvals"]>;

/** The plan of a project: to look at, to approve, to revise. */
export function projectPlanRoutes(app: ApiApp, context: ApiContext): void {
  const { db, temporal, artifacts } = context;

  app.openapi(get, async (c) => {
    const project = await getProject(db, c.req.valid("param").id);
    if (project.plan === null) throw new NotFoundError("plan of project", project.id, "It is being made.");
    const plan = Plan.parse(await artifacts.getJson(project.plan));
    const rows = await approvalsOf(project.id);
    return c.json({ ...planView(await context.previewPlan(project.spec, { plan })), approvals: rows.map(view) }, 200);
  });

  app.openapi(approve, async (c) => {
    const { project, open } = await waiting(c.req.valid("param").id);
    const { digest, decision, comment } = c.req.valid("json");
    if (!open.plan.digest.startsWith(digest)) {
      throw new ConflictError(
        `Revision ${open.revision} of the plan has the digest ${open.plan.digest}, not ${digest}.`,
        `Look at what is there now with \`kamachiq plans show ${project.id}\`, then decide on that.`,
      );
    }
    const taken = decision === "approve" ? ("approved" as const) : ("rejected" as const);
    const word = { digest: open.plan.digest, decision: taken, actor: c.var.principal.name, comment, plan: null };
    await sendUpdate(temporal, project.workflow_id, planUpdate, [word]);
    return c.json({ project_id: project.id, revision: open.revision, digest: open.plan.digest }, 200);
  });

  app.openapi(revise, async (c) => {
    const { project, open } = await waiting(c.req.valid("param").id);
    const { plan: given, comment } = c.req.valid("json");
    const plan = { ...given, revision: open.revision + 1 };
    await context.previewPlan(project.spec, { plan });
    const ref = await artifacts.put(canonicalJson(plan), "application/json");
    const actor = c.var.principal.name;
    const word = { digest: open.plan.digest, decision: "revised" as const, actor, comment, plan: ref };
    await sendUpdate(temporal, project.workflow_id, planUpdate, [word]);
    return c.json({ project_id: project.id, revision: plan.revision, digest: ref.digest }, 200);
  });

  async function waiting(id: string): Promise<{ project: ProjectRow; open: Row }> {
    const project = await getProject(db, id);
    const open = (await approvalsOf(id)).find(({ state }) => state === "open");
    if (open !== undefined && project.finished_at === null) return { project, open };
    throw new ConflictError(`No plan of project ${id} waits for approval.`);
  }

  function approvalsOf(id: string): Promise<Row[]> {
    return db.selectFrom("plan_approvals").selectAll().where("project_id", "=", id).orderBy("revision").execute();
  }
}

function view({ plan, requested_at, decided_at, project_id: _project, ...row }: Row): z.infer<typeof Approval> {
  return {
    ...row,
    digest: plan.digest,
    requested_at: requested_at.toISOString(),
    decided_at: decided_at?.toISOString() ?? null,
  };
}
