import { newEvent } from "../domain/event-data.ts";
import { activityInfo } from "@temporalio/activity";
import type { ControlActivities, ReviewRequest } from "./contract.ts";
import type { ActivityDeps } from "./deps.ts";
import { moveTask } from "./state.ts";
import { record } from "./transaction.ts";

type ReviewActivities = Pick<ControlActivities, "openReview" | "closeReview">;

export function createReviewActivities({ db, log }: ActivityDeps): ReviewActivities {
  return {
    async openReview(request) {
      const { review_id, project_id, scope, deliverable_id, task_id, commit, score } = request;
      const data = { review_id, scope, task_id, deliverable_id, commit, score };
      const event = newEvent(`review/${review_id}/requested`, "kamachiq.review.requested", subjectOf(request), data);
      await record(db, project_id, [event], async (tx, fresh) => {
        if (!fresh) return;
        await tx
          .insertInto("reviews")
          .values({
            id: review_id,
            project_id,
            scope,
            deliverable_id,
            task_id,
            commit,
            score,
            state: "open",
            report: JSON.stringify(request.report),
            workflow_id: activityInfo().workflowExecution?.workflowId ?? "",
          })
          .execute();
        if (deliverable_id !== null && task_id !== null) {
          await moveTask(tx, { project_id, deliverable_id, task_id }, "waiting");
        }
      });
      log(project_id).info({ review: review_id, score }, "a person is asked");
    },

    async closeReview({ review_id, project_id, outcome }) {
      const { decision, actor, comment } = outcome;
      const { commit, task_id } = await db
        .selectFrom("reviews")
        .select(["commit", "task_id"])
        .where("id", "=", review_id)
        .executeTakeFirstOrThrow();
      const subject = subjectOf({ project_id, task_id });
      const data = { review_id, decision, actor, comment, commit };
      const event = newEvent(`review/${review_id}/decided`, "kamachiq.review.decided", subject, data);
      await record(db, project_id, [event], async (tx, fresh) => {
        if (!fresh) return;
        await tx
          .updateTable("reviews")
          .set({ state: decision, decided_at: new Date(), decided_by: actor, comment })
          .where("id", "=", review_id)
          .execute();
      });
      log(project_id).info({ review: review_id, decision, actor, comment }, "review decided");
    },
  };
}

function subjectOf({ project_id, task_id }: Pick<ReviewRequest, "project_id" | "task_id">): string {
  return task_id === null ? project_id : `task/${task_id}`;
}
