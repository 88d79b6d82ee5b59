import { createRoute, z } from "@hono/zod-openapi";
import { streamSSE, type SSEStreamingApi } from "hono/streaming";
import { InputError } from "../../domain/errors.ts";
import { readEvents } from "../../persistence/events.ts";
import type { ApiApp, ApiContext } from "../context.ts";
import { getProject, type ProjectRow } from "../projects.ts";
import { problems, ProjectParams } from "./shared.ts";
import { EventView } from "../views.ts";

/** Keeps proxies and clients from taking a quiet stream for a dead one, in milliseconds. */
const KEEP_ALIVE_MS = 10_000;
const BATCH_MAX = 500;

const events = createRoute({
  method: "get",
  path: "/v1/projects/{id}/events",
  tags: ["gateway"],
  summary: "The project's events as a stream (SSE); resumes after Last-Event-ID and ends with the project",
  request: {
    params: ProjectParams,
    headers: z.object({ "last-event-id": z.string().optional() }),
    query: z.strictObject({ after: z.coerce.number().int().min(0).max(2_000_000_000).default(0) }),
  },
  responses: {
    200: {
      description: "Events; `id` is the sequence, `event` the type, `data` a CloudEvent in JSON",
      content: { "text/event-stream": { schema: EventView } },
    },
    204: { description: "The project has ended and there are no more events: don't reconnect" },
    ...problems,
  },
});

export function eventRoutes(app: ApiApp, context: ApiContext): void {
  const { db, feed, closing } = context;

  app.openapi(events, async (c) => {
    const project = await getProject(db, c.req.valid("param").id);
    const after = sequenceOf(c.req.valid("header")["last-event-id"]) ?? c.req.valid("query").after;
    if (await isLast(project, after)) return c.body(null, 204);
    const waker = new Waker();
    const unwatch = feed.watch(project.id, () => waker.wake());
    c.header("x-accel-buffering", "no");
    return streamSSE(c, async (stream) => {
      const end = (): void => waker.close();
      stream.onAbort(end);
      closing.addEventListener("abort", end, { once: true });
      try {
        await follow(context, stream, waker, project.id, after);
      } finally {
        closing.removeEventListener("abort", end);
        unwatch();
      }
    });
  });

  /** Nothing comes after this event. The project's row says so a moment later than its last event. */
  async function isLast(project: ProjectRow, sequence: number): Promise<boolean> {
    if (sequence < project.event_sequence) return false;
    if (project.finished_at !== null) return true;
    const [last] = await readEvents(db, project.id, sequence - 1, 1);
    return last?.type === "kamachiq.complete.finished";
  }

  async function follow(
    { log }: ApiContext,
    stream: SSEStreamingApi,
    waker: Waker,
    projectId: string,
    after: number,
  ): Promise<void> {
    let last = after;
    for (;;) {
      let batch: Awaited<ReturnType<typeof readEvents>>;
      try {
        batch = await readEvents(db, projectId, last, BATCH_MAX);
      } catch (error) {
        log.warn({ error, project: projectId }, "event stream ended: the database is away");
        return; // the client reconnects with Last-Event-ID
      }
      for (const event of batch) {
        await stream.writeSSE({ id: String(event.sequence), event: event.type, data: JSON.stringify(event) });
        last = event.sequence;
        if (event.type === "kamachiq.complete.finished") return;
      }
      if (waker.closed) return;
      if (batch.length === BATCH_MAX) continue;
      if (!(await waker.wait(KEEP_ALIVE_MS))) await stream.write(": keep-alive\n\n");
    }
  }
}

function sequenceOf(header: string | undefined): number | undefined {
  if (header === undefined || header === "") return undefined;
  if (!/^\d{1,9}$/.test(header)) throw new InputError("Last-Event-ID is not a sequence.", { code: "request_invalid" });
  return Number(header);
}

/** Lets one stream sleep until it is woken; a wake-up while it is busy is kept. */
class Waker {
  closed = false;
  #pending = false;
  #resume: (() => void) | undefined;

  wake(): void {
    this.#pending = true;
    this.#resume?.();
  }

  close(): void {
    this.closed = true;
    this.wake();
  }

  /** False when the time passed without a wake-up. */
  async wait(timeout_ms: number): Promise<boolean> {
    if (!this.#pending) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeout_ms);
        this.#resume = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#resume = undefined;
    }
    const woken = this.#pending;
    this.#pending = false;
    return woken;
  }
}
