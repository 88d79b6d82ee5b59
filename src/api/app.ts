import { OpenAPIHono } from "@hono/zod-openapi";
import { bodyLimit } from "hono/body-limit";
import { KamachiqError, NotFoundError } from "../domain/errors.ts";
import { Attachments } from "./attachments.ts";
import { type ApiEnv, authenticate, checkHost } from "./auth.ts";
import type { ApiApp, ApiContext } from "./context.ts";
import type { ApiDeps } from "./deps.ts";
import { EventFeed } from "./event-feed.ts";
import { problemResponse, toKamachiqError } from "./problem.ts";
import { controlRoutes } from "./routes/gateway-control.ts";
import { eventRoutes } from "./routes/gateway-events.ts";
import { projectPlanRoutes } from "./routes/gateway-plan.ts";
import { reportRoutes } from "./routes/gateway-reports.ts";
import { gatewayRoutes } from "./routes/gateway.ts";
import { planRoutes } from "./routes/mao-plans.ts";
import { templateRoutes } from "./routes/mao-templates.ts";
import { requeueRoutes } from "./routes/mao-requeue.ts";
import { workflowRoutes } from "./routes/mao-workflows.ts";
import { operationRoutes } from "./routes/operations.ts";
import { reviewRoutes } from "./routes/review.ts";
import { installationRoutes } from "./routes/task-capsule-repo-installations.ts";
import { capsuleRoutes } from "./routes/task-capsule-repo.ts";
import { invalidInput } from "./validation.ts";
import { WorkflowStarter } from "./workflow-starter.ts";

/** Largest request body, in bytes: a spec of 1 MB with 3 MB of attachments, each character of which JSON may escape. */
const BODY_MAX = 8_500_000;

export interface Api {
  app: ApiApp;
  /** Number of streams that clients hold open. */
  watchers: () => number;
  /** Ends open streams and the listening connection. Closes nothing that it was given. */
  close(): void;
}

/**
 * The HTTP API. Starts to listen for events and to start workflows that an earlier process left behind.
 *
 * @example
 * const api = createApi(deps);
 * const server = serve({ fetch: api.app.fetch, hostname: "127.0.0.1", port: 7233 });
 */
export function createApi(deps: ApiDeps): Api {
  const closing = new AbortController();
  const feed = new EventFeed(deps.pool, deps.log);
  const starter = new WorkflowStarter(deps.db, deps.temporal, deps.log);
  const context: ApiContext = {
    ...deps,
    feed,
    attachments: new Attachments(feed),
    starter,
    closing: closing.signal,
  };
  void starter.reconcile();
  return {
    app: createApp(context),
    watchers: () => feed.size,
    close() {
      closing.abort();
      starter.close();
      feed.close();
    },
  };
}

/** The routes and what stands before them. */
export function createApp(context: ApiContext): ApiApp {
  const app: ApiApp = new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (!result.success) throw invalidInput(result.target === "json" ? "body" : result.target, result.error);
    },
  });
  app.onError((thrown) => {
    const error = toKamachiqError(thrown);
    if (error.status >= 500) context.log.error({ error: thrown }, "request failed");
    return problemResponse(error);
  });
  app.notFound((c) => problemResponse(new NotFoundError("route", `${c.req.method} ${c.req.path}`)));
  app.use(checkHost(context.settings.hosts));
  app.use(bodyLimit({ maxSize: BODY_MAX, onError: () => problemResponse(tooLarge()) }));
  app.use("/v1/*", authenticate(context.principals));
  app.openAPIRegistry.registerComponent("securitySchemes", "token", { type: "http", scheme: "bearer" });

  operationRoutes(app, context);
  gatewayRoutes(app, context);
  controlRoutes(app, context);
  eventRoutes(app, context);
  reportRoutes(app, context);
  planRoutes(app, context);
  projectPlanRoutes(app, context);
  templateRoutes(app, context);
  capsuleRoutes(app, context);
  installationRoutes(app, context);
  workflowRoutes(app, context);
  requeueRoutes(app, context);
  reviewRoutes(app, context);
  app.doc31("/openapi.json", {
    openapi: "3.1.0",
    info: { title: "KAMACHIQ", version: context.settings.version, description: "The delivery control plane's API." },
    security: [{ token: [] }],
  });
  return app;
}

function tooLarge(): KamachiqError {
  return new KamachiqError(`A request body may have at most ${BODY_MAX} bytes.`, {
    code: "body_too_large",
    status: 413,
    exit_code: 2,
  });
}
