import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Attachments } from "./attachments.ts";
import type { ApiEnv } from "./auth.ts";
import type { ApiDeps } from "./deps.ts";
import type { EventFeed } from "./event-feed.ts";
import type { WorkflowStarter } from "./workflow-starter.ts";

export type ApiApp = OpenAPIHono<ApiEnv>;

/** What routes share. */
export interface ApiContext extends ApiDeps {
  feed: EventFeed;
  attachments: Attachments;
  starter: WorkflowStarter;
  /** Aborts when the API closes; open streams end by it. */
  closing: AbortSignal;
}
