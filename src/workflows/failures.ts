import { ActivityFailure, ChildWorkflowFailure } from "@temporalio/common";

/** The message of the innermost failure: what went wrong, not which activity carried it. */
export function reasonOf(error: unknown): string {
  let current = error;
  while (
    (current instanceof ActivityFailure || current instanceof ChildWorkflowFailure) &&
    current.cause !== undefined
  ) {
    current = current.cause;
  }
  return current instanceof Error ? current.message : String(current);
}
