import { EVENT_DATA, type TypedEvent } from "../../domain/event-data.ts";
import { type KamachiqEvent, stageOf } from "../../domain/events.ts";
import { count, plural, score } from "./text.ts";

/** An event in words, as parts of one line; null for events that tell a reader nothing new. */
export function describeEvent(event: KamachiqEvent): string[] | null {
  const parsed = EVENT_DATA[event.type]?.safeParse(event.data);
  if (parsed === undefined || !parsed.success) return [event.subject, event.type]; // of a later version
  return describe({ ...event, data: parsed.data } as TypedEvent);
}

function describe(event: TypedEvent): string[] | null {
  switch (event.type) {
    case "kamachiq.intake.accepted":
      return [event.project, "accepted", event.data.goals[0] ?? ""];
    case "kamachiq.intake.resumed":
      return ["taken up again", `by ${event.data.actor}`];
    case "kamachiq.plan.decomposed": {
      const { tasks, deliverables, estimated_tokens } = event.data;
      return [plural(tasks, "task"), plural(deliverables, "deliverable"), `about ${count(estimated_tokens)} tokens`];
    }
    case "kamachiq.plan.failed": {
      const { code, model, rounds, planning } = event.data;
      const tokens = count(planning.input_tokens + planning.output_tokens);
      return ["plan", code, model, plural(rounds, "round"), `${tokens} tokens`];
    }
    case "kamachiq.plan.approval_requested":
      return [
        "plan",
        `revision ${event.data.revision}`,
        "waits for a person",
        `digest ${event.data.plan.digest.slice(0, 12)}`,
      ];
    case "kamachiq.plan.approval_decided":
      return [
        "plan",
        `revision ${event.data.revision}`,
        event.data.decision,
        `by ${event.data.actor}`,
        event.data.comment,
      ];
    case "kamachiq.plan.validated":
      return [plural(event.data.waves, "wave"), `at most ${event.data.widest_wave} tasks at once`];
    case "kamachiq.provision.completed":
      return [...new Set(event.data.resources.map((resource) => resource.kind))];
    case "kamachiq.govern.reported":
      return ["governance", event.data.verdict.replace("_", " "), ...event.data.notes.slice(0, 1)];
    case "kamachiq.complete.released":
      return ["released", event.data.tag];
    case "kamachiq.complete.finished":
      return [event.data.state, ...(event.data.reason === null ? [] : [event.data.reason])];
    default:
      return describePolicy(event) ?? describeTask(event) ?? describeReview(event);
  }
}

function describePolicy(event: TypedEvent): string[] | null {
  switch (event.type) {
    case "kamachiq.policy.decided": {
      const { decision, action, subject_id } = event.data;
      if (decision.allowed && action === "agent.spawn") return null;
      return [subject_id, decision.allowed ? "allowed" : "denied", action, `score ${score(decision.score)}`];
    }
    case "kamachiq.policy.blocked":
      return [event.data.deliverable_id, "blocked", event.data.reasons.join("; ")];
    case "kamachiq.policy.unblocked":
      return [event.data.deliverable_id, "unblocked", `by ${event.data.actor}`, event.data.reason];
    default:
      return null;
  }
}

function describeTask(event: TypedEvent): string[] | null {
  switch (event.type) {
    case "kamachiq.execute.task_started":
      return [event.data.task_id, "started", event.data.agent, `attempt ${event.data.attempt}`];
    case "kamachiq.execute.task_produced": {
      const { files, usage, task_id } = event.data;
      const tokens = usage.input_tokens + usage.output_tokens;
      return [task_id, "produced", plural(files.length, "file"), `${count(tokens)} tokens`];
    }
    case "kamachiq.execute.task_merged":
      return [event.data.task_id, "merged", event.data.commit.slice(0, 10)];
    case "kamachiq.execute.task_returned":
      return [event.data.task_id, "returned", event.data.reason];
    case "kamachiq.execute.task_completed": {
      const { task_id, tokens } = event.data;
      const graded = event.data.score === null ? [] : [`score ${score(event.data.score)}`];
      return [task_id, "done", ...graded, `${count(tokens)} tokens`];
    }
    case "kamachiq.execute.task_failed":
    case "kamachiq.execute.task_skipped":
      return [event.data.task_id, event.data.state, event.data.reason];
    default:
      return null;
  }
}

function describeReview(event: TypedEvent): string[] | null {
  switch (event.type) {
    case "kamachiq.review.scored": {
      const { scope, task_id, deliverable_id, approved, vetoes } = event.data;
      const subject = (scope === "task" ? task_id : deliverable_id) ?? event.subject;
      const verdict = approved ? "approved" : "not approved";
      return [subject, `score ${score(event.data.score)}`, verdict, ...vetoes.slice(0, 3)];
    }
    case "kamachiq.review.requested": {
      const { task_id, deliverable_id, review_id } = event.data;
      return [task_id ?? deliverable_id ?? event.subject, "waits for a person", `kamachiq review show ${review_id}`];
    }
    case "kamachiq.review.decided":
      return ["review", event.data.decision, `by ${event.data.actor}`, event.data.comment];
    default:
      return null;
  }
}

/** `00:03.2  execute    ops  done  score 0.97  1,204 tokens`, without the clock. */
export function eventLine(event: KamachiqEvent): string | null {
  const parts = describeEvent(event);
  if (parts === null) return null;
  return [stageOf(event.type).padEnd(9), ...parts.filter((part) => part !== "")].join("  ");
}
