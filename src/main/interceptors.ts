import { ApplicationFailure, CancelledFailure } from "@temporalio/common";
import type { Context } from "@temporalio/activity";
import type { ActivityInboundCallsInterceptor, ActivityInterceptorsFactory } from "@temporalio/worker";
import type { Logger } from "pino";
import { KamachiqError } from "../domain/errors.ts";
import { databaseError } from "../persistence/database.ts";

/** Well below the activities' heartbeat time-out of 10 seconds. */
const HEARTBEAT_MS = 2_000;

/** Around every activity: heartbeats while it runs, one mapping of errors to what Temporal does next, one log line a failure. */
export function activityInterceptor(log: Logger): ActivityInterceptorsFactory {
  return (context) => {
    const inbound: ActivityInboundCallsInterceptor = {
      async execute(input, next) {
        const { activityType, attempt, workflowExecution, heartbeatTimeoutMs } = context.info;
        const beat =
          heartbeatTimeoutMs === undefined ? undefined : setInterval(() => context.heartbeat(), HEARTBEAT_MS);
        try {
          return await next(input);
        } catch (error) {
          const failure = failureOf(error, context);
          const fields = { activity: activityType, attempt, workflow: workflowExecution?.workflowId };
          if (!(failure instanceof CancelledFailure)) log.warn({ ...fields, err: error }, "activity failed");
          throw failure;
        } finally {
          clearInterval(beat);
        }
      },
    };
    return { inbound };
  };
}

/** KamachiqErrors say themselves whether to try again; unknown errors are tried again, for they may be an outage. */
function failureOf(error: unknown, context: Context): unknown {
  if (context.cancellationSignal.aborted) return new CancelledFailure("The activity was cancelled.");
  const known = databaseError(error);
  if (known instanceof KamachiqError) {
    const { code, retryable, problems, remedy } = known;
    const message = [known.message, ...problems, ...(remedy === undefined ? [] : [remedy])].join("\n");
    return ApplicationFailure.create({ message, type: code, nonRetryable: !retryable, cause: known });
  }
  return known;
}
