import { condition, setHandler } from "@temporalio/workflow";
import { ApplicationFailure } from "@temporalio/common";
import type { ReviewOutcome, ReviewRequest } from "../activities/contract.ts";
import { records } from "./activities.ts";
import { decideUpdate } from "./messages.ts";

/** Default wait for a person: 7 days. Past it the review expires, which is never an approval. Source: DESIGN.md §11. */
const WAIT_TIMEOUT = "7 days";

/** Waits durably for one person's decision and records it once. */
export async function HumanReviewWorkflow(request: ReviewRequest): Promise<ReviewOutcome> {
  let outcome: ReviewOutcome | undefined;
  setHandler(
    decideUpdate,
    ({ decision, actor, comment }) => {
      outcome = { decision, actor, comment };
      return true;
    },
    {
      validator: (_decision) => {
        if (outcome !== undefined) throw ApplicationFailure.nonRetryable("This review is decided already.", "conflict");
      },
    },
  );
  await records.openReview(request);
  await condition(() => outcome !== undefined, WAIT_TIMEOUT);
  outcome ??= { decision: "expired", actor: "system", comment: `Nobody decided within ${WAIT_TIMEOUT}.` };
  await records.closeReview({ review_id: request.review_id, project_id: request.project_id, outcome });
  return outcome;
}
