import { EVENT_DATA } from "../../src/domain/event-data.ts";
import type { KamachiqEvent } from "../../src/domain/events.ts";

export interface Taken {
  agent: string;
  tokens: number;
  /** Of the agent and of grading its work. */
  seconds: number;
}

/** What the first attempts of a project's tasks took, by task. */
export function firstAttempts(events: readonly KamachiqEvent[]): Map<string, Taken> {
  const tasks = new Map<string, Taken>();
  for (const { type, data } of events) {
    if (data["attempt"] !== 1) continue;
    if (type === "kamachiq.execute.task_started") {
      const { task_id, agent } = EVENT_DATA[type].parse(data);
      tasks.set(task_id, { agent, tokens: 0, seconds: 0 });
    } else if (type === "kamachiq.execute.task_produced") {
      const { task_id, usage, duration_ms } = EVENT_DATA[type].parse(data);
      const task = started(tasks, task_id);
      task.tokens += usage.input_tokens + usage.output_tokens;
      task.seconds += duration_ms / 1_000;
    } else if (type === "kamachiq.review.scored") {
      const { task_id, duration_ms } = EVENT_DATA[type].parse(data);
      if (task_id !== null) started(tasks, task_id).seconds += duration_ms / 1_000;
    }
  }
  return tasks;
}

function started(tasks: Map<string, Taken>, id: string): Taken {
  const task = tasks.get(id);
  if (task === undefined) throw new Error(`${id} never started`);
  return task;
}
