import { createRoute, z } from "@hono/zod-openapi";
import { NotFoundError } from "../../domain/errors.ts";
import type { ArtifactRef } from "../../domain/ids.ts";
import type { ApiApp, ApiContext } from "../context.ts";
import { LogLine } from "../log-files.ts";
import { getProject } from "../projects.ts";
import { json, page, problems, ProjectParams, text } from "./shared.ts";

const report = createRoute({
  method: "get",
  path: "/v1/projects/{id}/report",
  tags: ["gateway"],
  summary: "The completion or governance report",
  request: {
    params: ProjectParams,
    query: z.strictObject({
      kind: z.enum(["completion", "governance"]).default("completion"),
      format: z.enum(["json", "markdown"]).default("json"),
    }),
  },
  responses: {
    200: {
      description: "The report, byte for byte as it was written",
      content: { "application/json": { schema: z.unknown() }, "text/markdown": { schema: z.string() } },
    },
    ...problems,
  },
});

const releaseNotes = createRoute({
  method: "get",
  path: "/v1/projects/{id}/release-notes",
  tags: ["gateway"],
  summary: "The release notes, in Markdown",
  request: { params: ProjectParams },
  responses: {
    200: { description: "Release notes", content: { "text/markdown": { schema: z.string() } } },
    ...problems,
  },
});

const logs = createRoute({
  method: "get",
  path: "/v1/projects/{id}/logs",
  tags: ["gateway"],
  summary: "The project's log; read on from `next`",
  request: { params: ProjectParams, query: z.strictObject(page(500)) },
  responses: {
    200: json("Log lines", z.object({ lines: z.array(LogLine), next: z.int(), more: z.boolean() }).openapi("LogPage")),
    ...problems,
  },
});

/** What can be read about a project afterwards. */
export function reportRoutes(app: ApiApp, context: ApiContext): void {
  const { db, artifacts } = context;

  async function findArtifact(projectId: string, kind: string): Promise<ArtifactRef> {
    const { result } = await getProject(db, projectId);
    const ref =
      result?.artifacts[kind] ??
      (await db
        .selectFrom("artifacts")
        .select(["digest", "size", "media_type"])
        .where("project_id", "=", projectId)
        .where("kind", "=", kind)
        .orderBy("created_at", "desc")
        .executeTakeFirst());
    if (ref === undefined) {
      const what = kind.replaceAll("_", " ");
      throw new NotFoundError(what, projectId, "It is written when the project has got that far.");
    }
    return ref;
  }

  app.openapi(report, async (c) => {
    const { kind, format } = c.req.valid("query");
    const name = format === "json" ? `${kind}_report` : `${kind}_report_markdown`;
    const ref = await findArtifact(c.req.valid("param").id, name);
    return text(c, await artifacts.get(ref), format === "json" ? "application/json" : "text/markdown");
  });

  app.openapi(releaseNotes, async (c) => {
    const ref = await findArtifact(c.req.valid("param").id, "release_notes");
    return text(c, await artifacts.get(ref), "text/markdown");
  });

  app.openapi(logs, async (c) => {
    const { id } = await getProject(db, c.req.valid("param").id);
    return c.json(await context.logs.read(id, c.req.valid("query")), 200);
  });
}
