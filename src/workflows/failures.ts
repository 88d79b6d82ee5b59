import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure } from "@temporalio/common";

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

/** The stable code of the innermost failure, such as `budget_exceeded`; null when it has none. */
export function codeOf(error: unknown): string | null {
  let current: unknown = error;
  while (current instanceof Error) {
    if (current instanceof ApplicationFailure) return current.type ?? null;
    current = current.cause;
  }
  return null;
}
