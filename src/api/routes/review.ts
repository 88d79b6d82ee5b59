import { createRoute, z } from "@hono/zod-openapi";
import type { Selectable } from "kysely";
import { ConflictError, NotFoundError } from "../../domain/errors.ts";
import { QualityReport } from "../../domain/review.ts";
import type { Database } from "../../persistence/schema.ts";
import { decideUpdate } from "../../workflows/messages.ts";
import { requireRole } from "../auth.ts";
import type { ApiApp, ApiContext } from "../context.ts";
import { sendUpdate } from "../updates.ts";
import { ReviewDetail, ReviewView } from "../views.ts";
import { body, json, listOf, page, pageOf, problems } from "./shared.ts";

const list = createRoute({
  method: "get",
  path: "/v1/reviews",
  tags: ["review"],
  summary: "Reviews that wait for a person, oldest first",
  request: {
    query: z.strictObject({
      state: z.enum(["open", "approved", "rejected", "expired", "all"]).default("open"),
      project: z.string().max(64).optional(),
      ...page(100),
    }),
  },
  responses: { 200: json("Reviews", listOf("ReviewList", ReviewView)), ...problems },
});

const params = z.strictObject({ id: z.string().min(1).max(300) });

const get = createRoute({
  method: "get",
  path: "/v1/reviews/{id}",
  tags: ["review"],
  summary: "One review with the quality report that it is about",
  request: { params },
  responses: { 200: json("The review", ReviewDetail), ...problems },
});

const DecisionBody = z.strictObject({
  decision: z.enum(["approve", "reject"]),
  comment: z.string().trim().max(8_000).default(""),
  /** The commit that was looked at; refused when the review is about another one. */
  commit: z.string().max(64).optional(),
});

const decide = createRoute({
  method: "post",
  path: "/v1/reviews/{id}/decision",
  tags: ["review"],
  summary: "Approve or reject; the first decision counts",
  middleware: [requireRole("reviewer")] as const,
  request: { params, ...body(DecisionBody) },
  responses: {
    200: json(
      "Taken",
      z
        .object({
          id: z.string(),
          decision: z.enum(["approved", "rejected"]),
          actor: z.string(),
          commit: z.string().nullable(),
        })
        .openapi("ReviewDecision"),
    ),
    ...problems,
  },
});

export function reviewRoutes(app: ApiApp, { db, temporal, artifacts }: ApiContext): void {
  app.openapi(list, async (c) => {
    const { state, project, after, limit } = c.req.valid("query");
    let query = db.selectFrom("reviews").selectAll().orderBy("requested_at").orderBy("id");
    if (state !== "all") query = query.where("state", "=", state);
    if (project !== undefined) query = query.where("project_id", "=", project);
    const rows = await query.offset(after).limit(limit).execute();
    return c.json(pageOf(rows.map(reviewView), { after, limit }), 200);
  });

  app.openapi(get, async (c) => {
    const row = await find(c.req.valid("param").id);
    const report = QualityReport.parse(await artifacts.getJson(row.report));
    return c.json({ ...reviewView(row), report }, 200);
  });

  app.openapi(decide, async (c) => {
    const row = await find(c.req.valid("param").id);
    const { decision, comment, commit } = c.req.valid("json");
    if (row.state !== "open") throw new ConflictError(`Review ${row.id} is ${row.state} already.`);
    if (commit !== undefined && commit !== row.commit) {
      throw new ConflictError(
        `Review ${row.id} is about commit ${row.commit ?? "none"}, not ${commit}.`,
        "Look at what is there now, then decide on that.",
      );
    }
    const taken = {
      decision: decision === "approve" ? "approved" : "rejected",
      actor: c.var.principal.name,
      comment,
    } as const;
    await sendUpdate(temporal, row.workflow_id, decideUpdate, [taken]);
    return c.json({ id: row.id, decision: taken.decision, actor: taken.actor, commit: row.commit }, 200);
  });

  async function find(id: string): Promise<Selectable<Database["reviews"]>> {
    const row = await db.selectFrom("reviews").selectAll().where("id", "=", id).executeTakeFirst();
    if (row === undefined) throw new NotFoundError("review", id, "`kamachiq review list` lists the open ones.");
    return row;
  }
}

function reviewView({ report: _report, workflow_id: _workflow, ...row }: Selectable<Database["reviews"]>): ReviewView {
  return { ...row, requested_at: row.requested_at.toISOString(), decided_at: row.decided_at?.toISOString() ?? null };
}
