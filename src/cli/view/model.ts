import type { ProjectView, TaskView } from "../../api/views.ts";
import type { KamachiqEvent } from "../../domain/events.ts";
import { describeEvent } from "./events.ts";

/** What the live view knows. States of tasks come from their rows alone, never from a guess. */
export interface ViewModel {
  project: ProjectView;
  /** In topological order, deliverable by deliverable. */
  tasks: ReadonlyMap<string, TaskView>;
  /** Sequence of the last event seen. */
  sequence: number;
  /** The last thing that happened, in one line. */
  latest: string;
  connected: boolean;
}

export type ViewInput =
  | { kind: "project"; project: ProjectView }
  | { kind: "tasks"; tasks: readonly TaskView[] }
  | { kind: "event"; event: KamachiqEvent }
  | { kind: "connection"; connected: boolean };

export function initialModel(project: ProjectView): ViewModel {
  return { project, tasks: new Map(), sequence: 0, latest: "", connected: true };
}

/** Pure: the model after one input. An event that was seen before changes nothing. */
export function reduce(model: ViewModel, input: ViewInput): ViewModel {
  switch (input.kind) {
    case "project":
      return { ...model, project: input.project };
    case "connection":
      return { ...model, connected: input.connected };
    case "tasks":
      return input.tasks.length === 0 ? model : { ...model, tasks: withTasks(model.tasks, input.tasks) };
    case "event": {
      const { event } = input;
      if (event.sequence <= model.sequence) return model;
      const text = describeEvent(event);
      return { ...model, sequence: event.sequence, latest: text === null ? model.latest : text.join("  ") };
    }
  }
}

function withTasks(known: ReadonlyMap<string, TaskView>, changed: readonly TaskView[]): Map<string, TaskView> {
  const tasks = new Map(known);
  const before = tasks.size;
  for (const task of changed) tasks.set(`${task.deliverable_id}/${task.task_id}`, task);
  return tasks.size === before ? tasks : new Map([...tasks].toSorted(([, a], [, b]) => inOrder(a, b)));
}

function inOrder(a: TaskView, b: TaskView): number {
  if (a.deliverable_id !== b.deliverable_id) return a.deliverable_id < b.deliverable_id ? -1 : 1;
  return a.position - b.position;
}
