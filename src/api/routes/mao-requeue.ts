import { createRoute, z } from "@hono/zod-openapi";
import { ConflictError, NotFoundError } from "../../domain/errors.ts";
import { projectWorkflowId, unblockUpdate } from "../../workflows/messages.ts";
import { requireRole } from "../auth.ts";
import type { ApiApp, ApiContext } from "../context.ts";
import { sendUpdate } from "../updates.ts";
import { RequeueView } from "../views.ts";
import { body, json, listOf, page, pageOf, problems } from "./shared.ts";

const list = createRoute({
  method: "get",
  path: "/v1/kamachiq/requeue",
  tags: ["mao"],
  summary: "Deliverables that policy blocked, oldest first",
  request: {
    query: z.strictObject({
      state: z.enum(["blocked", "resolved", "cancelled", "all"]).default("blocked"),
      ...page(100),
    }),
  },
  responses: { 200: json("Blocked deliverables", listOf("RequeueList", RequeueView)), ...problems },
});

const ResolveBody = z
  .strictObject({
    /** Let it through in spite of policy; recorded as an override. Without it policy is asked again. */
    allow: z.literal(true).optional(),
    reason: z.string().trim().min(1).max(2_000).optional(),
  })
  .refine(({ allow, reason }) => allow === undefined || reason !== undefined, {
    path: ["reason"],
    error: "an override needs a reason",
  });

const resolve = createRoute({
  method: "post",
  path: "/v1/kamachiq/requeue/{id}/resolve",
  tags: ["mao"],
  summary: "Ask policy again about a blocked deliverable, or let it through",
  middleware: [requireRole("operator")] as const,
  request: { params: z.strictObject({ id: z.string().min(1).max(300) }), ...body(ResolveBody) },
  responses: {
    200: json("Policy's answer", z.object({ id: z.string(), project_id: z.string(), allowed: z.boolean() })),
    ...problems,
  },
});

export function requeueRoutes(app: ApiApp, { db, temporal }: ApiContext): void {
  app.openapi(list, async (c) => {
    const { state, after, limit } = c.req.valid("query");
    let query = db
      .selectFrom("requeue as q")
      .leftJoin("decisions as d", "d.decision_id", "q.decision_id")
      .selectAll("q")
      .select("d.violations")
      .orderBy("q.created_at")
      .orderBy("q.id");
    if (state !== "all") query = query.where("q.state", "=", state);
    const rows = await query.offset(after).limit(limit).execute();
    const items = rows.map((row) => ({
      ...row,
      violations: row.violations ?? [],
      created_at: row.created_at.toISOString(),
      resolved_at: row.resolved_at?.toISOString() ?? null,
    }));
    return c.json(pageOf(items, { after, limit }), 200);
  });

  app.openapi(resolve, async (c) => {
    const { id } = c.req.valid("param");
    const { allow, reason } = c.req.valid("json");
    const row = await db
      .selectFrom("requeue")
      .select(["project_id", "deliverable_id", "state"])
      .where("id", "=", id)
      .executeTakeFirst();
    if (row === undefined) throw new NotFoundError("blocked deliverable", id, "`kamachiq requeue list` lists them.");
    if (row.state !== "blocked") throw new ConflictError(`It is ${row.state} already.`);
    const request = {
      deliverable_id: row.deliverable_id,
      actor: c.var.principal.name,
      allow: allow ?? false,
      reason: reason ?? "policy is asked again",
    };
    const allowed = await sendUpdate(temporal, projectWorkflowId(row.project_id), unblockUpdate, [request]);
    return c.json({ id, project_id: row.project_id, allowed }, 200);
  });
}
