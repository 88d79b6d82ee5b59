import { createRoute, z } from "@hono/zod-openapi";
import { PROJECT_STATES, ProjectSpec } from "../../domain/intake.ts";
import type { Plan } from "../../domain/plan.ts";
import { requireRole } from "../auth.ts";
import type { ApiApp, ApiContext } from "../context.ts";
import { createProject } from "../create-project.ts";
import { projectViews, readTasks } from "../project-views.ts";
import { checkAgainstSettings, getProject } from "../projects.ts";
import { documented } from "../validation.ts";
import { Accepted, ArtifactView, PlanView, ProjectView, TaskView } from "../views.ts";
import { planView } from "./mao-plans.ts";
import { body, IdempotencyHeaders, json, listOf, page, pageOf, problems, ProjectParams } from "./shared.ts";

export const SpecBody = documented("ProjectSpec", ProjectSpec, "input");

const CreateBody = z.strictObject({
  spec: SpecBody,
  /** Plan only; nothing is written. */
  dry_run: z.boolean().default(false),
  /** A person approves the plan, by its digest, before anything is done for it. */
  approve_plan: z.boolean().default(false),
  /** `unfinished`: take up an unfinished project with this very spec to which no client is attached, if there is one. */
  attach: z.enum(["unfinished", "never"]).default("never"),
  /** Refused unless it is the one that the server uses. */
  sandbox: z.enum(["bubblewrap", "none"]).optional(),
});

const create = createRoute({
  method: "post",
  path: "/v1/projects",
  tags: ["gateway"],
  summary: "Start a project, or plan it (`dry_run`)",
  middleware: [requireRole("operator")] as const,
  request: { headers: IdempotencyHeaders, ...body(CreateBody) },
  responses: {
    200: json("An unfinished project was taken up, or the plan of a dry run", z.union([Accepted, PlanView])),
    201: json("The project was started", Accepted),
    ...problems,
  },
});

const list = createRoute({
  method: "get",
  path: "/v1/projects",
  tags: ["gateway"],
  summary: "Projects, newest first",
  request: { query: z.strictObject({ state: z.enum([...PROJECT_STATES, "unfinished"]).optional(), ...page(50) }) },
  responses: { 200: json("Projects", listOf("ProjectList", ProjectView)), ...problems },
});

const get = createRoute({
  method: "get",
  path: "/v1/projects/{id}",
  tags: ["gateway"],
  summary: "One project",
  request: { params: ProjectParams },
  responses: { 200: json("The project", ProjectView), ...problems },
});

const tasks = createRoute({
  method: "get",
  path: "/v1/projects/{id}/tasks",
  tags: ["gateway"],
  summary: "The project's tasks in topological order",
  request: {
    params: ProjectParams,
    query: z.strictObject({ changed_since: z.iso.datetime().optional(), ...page(1_000) }),
  },
  responses: { 200: json("Tasks", listOf("TaskList", TaskView)), ...problems },
});

const GraphView = z
  .object({
    nodes: z.array(TaskView.pick({ deliverable_id: true, task_id: true, type: true, state: true, title: true })),
    edges: z.array(z.object({ deliverable_id: z.string(), from: z.string(), to: z.string() })),
    deliverables: z.array(z.object({ id: z.string(), dependencies: z.array(z.string()) })),
    next: z.int().nullable(),
  })
  .openapi("Graph");

const graph = createRoute({
  method: "get",
  path: "/v1/projects/{id}/graph",
  tags: ["gateway"],
  summary: "The project's tasks as nodes and edges",
  request: { params: ProjectParams, query: z.strictObject(page(1_000)) },
  responses: { 200: json("The graph", GraphView), ...problems },
});

const artifacts = createRoute({
  method: "get",
  path: "/v1/projects/{id}/artifacts",
  tags: ["gateway"],
  summary: "Claim checks of what the project made",
  request: { params: ProjectParams, query: z.strictObject(page(200)) },
  responses: { 200: json("Artifacts", listOf("ArtifactList", ArtifactView)), ...problems },
});

/** Projects: start, list, look. */
export function gatewayRoutes(app: ApiApp, context: ApiContext): void {
  const { db, settings } = context;

  app.openapi(create, async (c) => {
    const { dry_run, ...request } = c.req.valid("json");
    checkAgainstSettings(request.spec, request.sandbox, settings);
    // Also before a real run: what can't be planned is refused here, and leaves nothing behind.
    const preview = await context.previewPlan(request.spec);
    if (dry_run) return c.json(planView(preview), 200);
    // A model is asked once: what it answered is the plan.
    const plan = preview.plan.planning === undefined ? undefined : preview.plan;
    const { view, resumed } = await createProject(
      context,
      { ...request, plan },
      {
        actor: c.var.principal.name,
        key: c.req.valid("header")["idempotency-key"],
      },
    );
    c.header("location", `/v1/projects/${view.id}`);
    return c.json({ ...view, resumed }, resumed ? 200 : 201);
  });

  app.openapi(list, async (c) => {
    const { state, after, limit } = c.req.valid("query");
    let query = db.selectFrom("projects").selectAll().orderBy("created_at", "desc").orderBy("id");
    if (state === "unfinished") query = query.where("finished_at", "is", null);
    else if (state !== undefined) query = query.where("state", "=", state);
    const rows = await query.offset(after).limit(limit).execute();
    return c.json(pageOf(await projectViews(db, settings, rows), { after, limit }), 200);
  });

  app.openapi(get, async (c) => {
    const row = await getProject(db, c.req.valid("param").id);
    const [view] = await projectViews(db, settings, [row]);
    return c.json(view as ProjectView, 200);
  });

  app.openapi(tasks, async (c) => {
    const { id } = await getProject(db, c.req.valid("param").id);
    const query = c.req.valid("query");
    return c.json(pageOf(await readTasks(db, id, query), query), 200);
  });

  app.openapi(graph, async (c) => {
    const project = await getProject(db, c.req.valid("param").id);
    const query = c.req.valid("query");
    const rows = await readTasks(db, project.id, query);
    const plan = project.plan === null ? null : ((await context.artifacts.getJson(project.plan)) as Plan);
    const view = {
      nodes: rows.map(({ deliverable_id, task_id, type, state, title }) => ({
        deliverable_id,
        task_id,
        type,
        state,
        title,
      })),
      edges: rows.flatMap(({ deliverable_id, task_id, dependencies }) =>
        dependencies.map((from) => ({ deliverable_id, from, to: task_id })),
      ),
      deliverables: (plan?.deliverables ?? []).map(({ id, dependencies }) => ({ id, dependencies })),
      next: pageOf(rows, query).next,
    };
    return c.json(view, 200);
  });

  app.openapi(artifacts, async (c) => {
    const { id } = await getProject(db, c.req.valid("param").id);
    const query = c.req.valid("query");
    const rows = await db
      .selectFrom("artifacts")
      .select(["kind", "subject", "digest", "size", "media_type", "created_at"])
      .where("project_id", "=", id)
      .orderBy("kind")
      .orderBy("subject")
      .offset(query.after)
      .limit(query.limit)
      .execute();
    const items = rows.map((row) => ({ ...row, created_at: row.created_at.toISOString() }));
    return c.json(pageOf(items, query), 200);
  });
}
