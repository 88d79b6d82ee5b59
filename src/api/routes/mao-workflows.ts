import { createRoute, z } from "@hono/zod-openapi";
import {
  type WorkflowExecutionDescription,
  type WorkflowExecutionInfo,
  WorkflowNotFoundError,
} from "@temporalio/client";
import { NotFoundError } from "../../domain/errors.ts";
import type { ApiApp, ApiContext } from "../context.ts";
import type { ApiSettings } from "../deps.ts";
import { workflowUrl } from "../project-views.ts";
import { WorkflowView } from "../views.ts";
import { json, problems } from "./shared.ts";

const QUERY_TIMEOUT_MS = 10_000;

const list = createRoute({
  method: "get",
  path: "/v1/workflows",
  tags: ["mao"],
  summary: "Workflows as the engine sees them, newest first",
  request: {
    query: z.strictObject({
      project: z
        .string()
        .regex(/^[a-z0-9._-]{1,64}$/)
        .optional(),
      status: z.enum(["Running", "Completed", "Failed", "Canceled", "Terminated", "TimedOut"]).optional(),
      limit: z.coerce.number().int().min(1).max(500).default(100),
    }),
  },
  responses: {
    200: json("Workflows", z.object({ items: z.array(WorkflowView) }).openapi("WorkflowList")),
    ...problems,
  },
});

const PendingActivity = z.object({
  activity: z.string(),
  state: z.string(),
  attempt: z.int(),
  last_failure: z.string().nullable(),
});
const WorkflowDetail = WorkflowView.extend({ pending_activities: z.array(PendingActivity) }).openapi("WorkflowDetail");

const get = createRoute({
  method: "get",
  path: "/v1/workflows/{id}",
  tags: ["mao"],
  summary: "One workflow; its id's slashes are percent-encoded",
  request: { params: z.strictObject({ id: z.string().min(1).max(300) }) },
  responses: { 200: json("The workflow", WorkflowDetail), ...problems },
});

export function workflowRoutes(app: ApiApp, { temporal, settings }: ApiContext): void {
  app.openapi(list, async (c) => {
    const { project, status, limit } = c.req.valid("query");
    const conditions = [
      ...(project === undefined ? ["WorkflowId STARTS_WITH 'kamachiq/'"] : [projectCondition(project)]),
      ...(status === undefined ? [] : [`ExecutionStatus = '${status}'`]),
    ];
    const items: WorkflowView[] = [];
    await temporal.withDeadline(Date.now() + QUERY_TIMEOUT_MS, async () => {
      const found = temporal.workflow.list({ query: conditions.join(" AND "), pageSize: limit });
      for await (const info of found) {
        items.push(workflowView(settings, info));
        if (items.length === limit) break;
      }
    });
    return c.json({ items }, 200);
  });

  app.openapi(get, async (c) => {
    const { id } = c.req.valid("param");
    if (!id.startsWith("kamachiq/")) throw new NotFoundError("workflow", id);
    const found = await temporal
      .withDeadline(Date.now() + QUERY_TIMEOUT_MS, () => temporal.workflow.getHandle(id).describe())
      .catch((error: unknown) => {
        throw error instanceof WorkflowNotFoundError ? new NotFoundError("workflow", id) : error;
      });
    const pending = (found.raw.pendingActivities ?? []).map((activity) => ({
      activity: activity.activityType?.name ?? "",
      state: String(activity.state ?? ""),
      attempt: activity.attempt ?? 0,
      last_failure: activity.lastFailure?.message ?? null,
    }));
    return c.json({ ...workflowView(settings, found), pending_activities: pending }, 200);
  });
}

/** The project's own workflow and its descendants, whose ids begin with it. The project's id has no quote in it. */
function projectCondition(project: string): string {
  return `(WorkflowId = 'kamachiq/${project}' OR WorkflowId STARTS_WITH 'kamachiq/${project}/')`;
}

function workflowView(settings: ApiSettings, info: WorkflowExecutionInfo | WorkflowExecutionDescription): WorkflowView {
  return {
    workflow_id: info.workflowId,
    run_id: info.runId,
    type: info.type,
    status: info.status.name,
    task_queue: info.taskQueue,
    started_at: info.startTime.toISOString(),
    closed_at: info.closeTime?.toISOString() ?? null,
    history_events: info.historyLength,
    history_bytes: info.historySize ?? null,
    temporal_url: workflowUrl(settings, info.workflowId),
  };
}
