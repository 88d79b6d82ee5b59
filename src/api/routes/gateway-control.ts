import { createRoute, z } from "@hono/zod-openapi";
import { isTerminal } from "../../domain/intake.ts";
import { ConflictError } from "../../domain/errors.ts";
import { cancelUpdate, pauseUpdate, resumeUpdate } from "../../workflows/messages.ts";
import { requireRole } from "../auth.ts";
import type { ApiApp, ApiContext } from "../context.ts";
import { getProject, type ProjectRow, recordResumed } from "../projects.ts";
import { sendUpdate } from "../updates.ts";
import { body, json, problems, ProjectParams } from "./shared.ts";

const Changed = z
  .object({
    project_id: z.string(),
    /** False: it was so already. */
    changed: z.boolean(),
  })
  .openapi("Changed");

function control(verb: "pause" | "resume", summary: string) {
  return createRoute({
    method: "post",
    path: `/v1/projects/{id}/${verb}`,
    tags: ["gateway"],
    summary,
    middleware: [requireRole("operator")] as const,
    request: { params: ProjectParams },
    responses: { 200: json("Done", Changed), ...problems },
  });
}

const pause = control("pause", "Start nothing new; what runs goes on");
const resume = control("resume", "Go on after a pause");

const cancel = createRoute({
  method: "post",
  path: "/v1/projects/{id}/cancel",
  tags: ["gateway"],
  summary: "Stop the project and its running agents",
  middleware: [requireRole("operator")] as const,
  request: {
    params: ProjectParams,
    ...body(z.strictObject({ reason: z.string().trim().min(1).max(2_000).default("no reason given") })),
  },
  responses: { 200: json("Done", Changed), ...problems },
});

/** What an operator can tell a project that runs. */
export function controlRoutes(app: ApiApp, context: ApiContext): void {
  const { db, temporal, starter } = context;

  async function running(id: string): Promise<ProjectRow> {
    const row = await getProject(db, id);
    if (isTerminal(row.state)) throw new ConflictError(`Project ${id} has ended: it is ${row.state}.`);
    await starter.start(row);
    return row;
  }

  app.openapi(pause, async (c) => {
    const row = await running(c.req.valid("param").id);
    return c.json({ project_id: row.id, changed: await sendUpdate(temporal, row.workflow_id, pauseUpdate, []) }, 200);
  });

  app.openapi(resume, async (c) => {
    const row = await running(c.req.valid("param").id);
    const changed = await sendUpdate(temporal, row.workflow_id, resumeUpdate, []);
    if (changed) await db.transaction().execute((tx) => recordResumed(tx, row, c.var.principal.name));
    return c.json({ project_id: row.id, changed }, 200);
  });

  app.openapi(cancel, async (c) => {
    const row = await running(c.req.valid("param").id);
    const { reason } = c.req.valid("json");
    const changed = await sendUpdate(temporal, row.workflow_id, cancelUpdate, [
      { actor: c.var.principal.name, reason },
    ]);
    return c.json({ project_id: row.id, changed }, 200);
  });
}
