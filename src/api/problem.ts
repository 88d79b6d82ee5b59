import { z } from "@hono/zod-openapi";
import { ServiceError, WorkflowNotFoundError, WorkflowUpdateFailedError } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import { HTTPException } from "hono/http-exception";
import { ConflictError, InputError, KamachiqError, TransientError } from "../domain/errors.ts";
import { databaseError } from "../persistence/database.ts";

/** RFC 9457 problem details, with our members after the standard ones. */
export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    remedy: z.string().optional(),
    problems: z.array(z.string()).optional(),
    retryable: z.boolean(),
  })
  .openapi("Problem");
export type Problem = z.infer<typeof Problem>;

export const PROBLEM_TYPE = "application/problem+json";

/** The one mapping of errors to HTTP. What we don't know is a 500 whose details stay in the log. */
export function toKamachiqError(error: unknown): KamachiqError {
  if (error instanceof KamachiqError) return error;
  if (error instanceof HTTPException) return fromHttp(error);
  if (error instanceof WorkflowNotFoundError) {
    return new ConflictError("Its workflow has ended or has not started yet.", "Look at its state and try again.");
  }
  if (error instanceof WorkflowUpdateFailedError) return fromUpdate(error);
  if (error instanceof ServiceError) return new TransientError("The Temporal server is not reachable.", error);
  const mapped = databaseError(error);
  if (mapped instanceof KamachiqError) return mapped;
  return new KamachiqError("Something failed inside KAMACHIQ.", {
    code: "internal",
    remedy: "The server's log has the details.",
    cause: error,
  });
}

function fromUpdate(error: WorkflowUpdateFailedError): KamachiqError {
  const { cause } = error;
  const message = cause?.message ?? error.message;
  if (cause instanceof ApplicationFailure && cause.type === "conflict") return new ConflictError(message);
  return new KamachiqError(message, { code: "update_failed", cause: error });
}

function fromHttp(error: HTTPException): KamachiqError {
  const { status, message } = error;
  if (status === 400) return new InputError(message || "The request can't be read.", { code: "bad_request" });
  return new KamachiqError(message || "The request was refused.", { code: `http_${status}`, status, exit_code: 2 });
}

export function toProblem(error: KamachiqError): Problem {
  return {
    type: `urn:kamachiq:problem:${error.code}`,
    title: error.code.replaceAll("_", " "),
    status: error.status,
    detail: error.message,
    code: error.code,
    ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
    ...(error.problems.length === 0 ? {} : { problems: error.problems }),
    retryable: error.retryable,
  };
}

export function problemResponse(error: KamachiqError): Response {
  const headers: Record<string, string> = { "content-type": PROBLEM_TYPE };
  if (error.status === 401) headers["www-authenticate"] = 'Bearer realm="kamachiq"';
  if (error.retryable) headers["retry-after"] = "1";
  return new Response(JSON.stringify(toProblem(error)), { status: error.status, headers });
}
