import type { Client } from "@temporalio/client";
import type { UpdateDefinition } from "@temporalio/common";
import { TransientError } from "../domain/errors.ts";

const UPDATE_TIMEOUT_MS = 20_000;

/** Sends an update to a workflow and waits for its answer, at most 20 seconds: without a worker there is none. */
export async function sendUpdate<Args extends [] | [unknown]>(
  temporal: Client,
  workflowId: string,
  update: UpdateDefinition<boolean, Args>,
  args: Args,
): Promise<boolean> {
  const signal = AbortSignal.timeout(UPDATE_TIMEOUT_MS);
  const handle = temporal.workflow.getHandle(workflowId);
  try {
    return await temporal.withAbortSignal(signal, () =>
      handle.executeUpdate(update as UpdateDefinition<boolean, [unknown]>, { args: args as [unknown] }),
    );
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new TransientError(`No worker answered for workflow ${workflowId} within 20 seconds.`, error);
  }
}
