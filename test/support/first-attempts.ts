import type { KamachiqEvent } from "../../src/domain/events.ts";

export interface Taken {
  agent: string;
  tokens: number;
  seconds: number;
}

/** What the first attempts of a project's tasks took, by task: the agent, and the grading of its work. */
export function firstAttempts(events: readonly KamachiqEvent[]): Map<string, Taken> {
  const first = (type: KamachiqEvent["type"]): KamachiqEvent["data"][] =>
    events
      .filter((event) => event.type === type && event.data["attempt"] === 1 && event.data["task_id"] !== null)
      .map(({ data }) => data);
  const tasks = new Map<string, Taken>();
  for (const { task_id, agent } of first("kamachiq.execute.task_started"))
    tasks.set(String(task_id), { agent: String(agent), tokens: 0, seconds: 0 });
  for (const { task_id, usage, duration_ms } of first("kamachiq.execute.task_produced")) {
    const { input_tokens = 0, output_tokens = 0 } = usage as Record<string, number>;
    add(tasks, task_id, { tokens: input_tokens + output_tokens, seconds: Number(duration_ms) / 1_000 });
  }
  for (const { task_id, duration_ms } of first("kamachiq.review.scored"))
    add(tasks, task_id, { tokens: 0, seconds: Number(duration_ms) / 1_000 });
  return tasks;
}

function add(tasks: Map<string, Taken>, id: unknown, more: Omit<Taken, "agent">): void {
  const task = tasks.get(String(id));
  if (task === undefined) throw new Error(`${String(id)} never started`);
  task.tokens += more.tokens;
  task.seconds += more.seconds;
}
