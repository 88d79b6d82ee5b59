import type { styleText } from "node:util";
import type { TaskView } from "../../api/views.ts";
import type { TaskState } from "../../domain/execute.ts";
import { STAGES } from "../../domain/intake.ts";
import type { ViewModel } from "./model.ts";
import { cell, count, duration, line, score, width } from "./text.ts";

type Style = Parameters<typeof styleText>[0];
/** Colours a finished piece of text. The identity where there are no colours. */
export type Paint = (style: Style, text: string) => string;

export interface Screen {
  columns: number;
  rows: number;
  /** Milliseconds since the epoch. */
  now: number;
  paint: Paint;
}

const LOOK: Record<TaskState, { glyph: string; style: Style }> = {
  queued: { glyph: "·", style: "dim" },
  running: { glyph: "●", style: "cyan" },
  reviewing: { glyph: "◐", style: "cyan" },
  merging: { glyph: "◑", style: "cyan" },
  remediating: { glyph: "↻", style: "yellow" },
  waiting: { glyph: "?", style: "yellow" },
  done: { glyph: "✓", style: "green" },
  failed: { glyph: "✗", style: "red" },
  skipped: { glyph: "–", style: "dim" },
  blocked: { glyph: "■", style: "red" },
  cancelled: { glyph: "×", style: "dim" },
};

/** Who gets a line first when there is no room for all. */
const URGENCY: Record<TaskState, number> = {
  running: 0,
  remediating: 0,
  reviewing: 0,
  merging: 0,
  failed: 1,
  waiting: 1,
  blocked: 1,
  queued: 2,
  done: 3,
  skipped: 3,
  cancelled: 3,
};

const MARGIN = "  ";
const ID_MIN = 14;
/** Deeper tasks are not indented further; on a narrow screen none is. */
const INDENT_MAX = 5;
const INDENT_COLUMNS_MIN = 80;
const STATE_CELLS = 13;

interface Column {
  cells: number;
  align: "start" | "end";
  text(task: TaskView, now: number): string;
}

/** In the order of the line; the most dispensable goes first when the screen is narrow. */
const COLUMNS = {
  agent: { cells: 10, align: "start", text: (task) => task.agent ?? "" },
  attempt: { cells: 2, align: "end", text: (task) => (task.attempt > 1 ? `×${task.attempt}` : "") },
  tokens: { cells: 9, align: "end", text: (task) => (task.tokens > 0 ? count(task.tokens) : "") },
  score: { cells: 4, align: "end", text: (task) => score(task.score) },
  time: { cells: 7, align: "end", text: taskTime },
} satisfies Record<string, Column>;
const DISPENSABLE = ["agent", "attempt", "tokens", "time", "score"] as const;

/** The whole block, line by line; no line is wider than the screen, and there are at most as many as its rows. */
export function renderFrame(model: ViewModel, screen: Screen): string[] {
  const head = [...header(model, screen), ""];
  const foot = footer(model, screen);
  const room = Math.max(1, screen.rows - head.length - foot.length - 1);
  return [...head, ...taskLines([...model.tasks.values()], room, screen), ...foot];
}

function header({ project }: ViewModel, { columns, now, paint }: Screen): string[] {
  const end = project.finished_at === null ? now : Date.parse(project.finished_at);
  const elapsed = duration(end - Date.parse(project.created_at));
  const { spent, limit } = project.budget;
  const right = `${elapsed}  ${count(spent)} / ${count(limit)} tokens`;
  const room = columns - width(right) - MARGIN.length;
  const title =
    room < 1
      ? paint("bold", line(`${elapsed}  ${project.id}`, columns))
      : `${paint("bold", cell(project.id, room))}${MARGIN}${right}`;
  return [title, stageLine(project.stage, columns, paint)];
}

/** All eight stages where there is room, else the one that it is in. */
function stageLine(stage: ViewModel["project"]["stage"], columns: number, paint: Paint): string {
  const at = STAGES.indexOf(stage);
  if (STAGES.join(" → ").length > columns) return line(`stage ${at + 1} of ${STAGES.length}: ${stage}`, columns);
  const styled = STAGES.map((name, index) => {
    if (index === at) return paint("bold", name);
    return index < at ? paint("green", name) : paint("dim", name);
  });
  return styled.join(paint("dim", " → "));
}

function taskLines(tasks: TaskView[], room: number, screen: Screen): string[] {
  const depths = depthsOf(tasks);
  const show = (task: TaskView): string => taskLine(task, depths.get(keyOf(task)) ?? 0, screen);
  if (tasks.length <= room) return tasks.map(show);
  const urgent = tasks.toSorted((a, b) => URGENCY[a.state] - URGENCY[b.state]);
  const shown = new Set(urgent.slice(0, room - 1));
  const rest = tasks.filter((task) => !shown.has(task));
  return [
    ...tasks.filter((task) => shown.has(task)).map(show),
    screen.paint("dim", line(`${MARGIN}… and ${count(rest.length)} more: ${countStates(rest)}`, screen.columns)),
  ];
}

const keyOf = ({ deliverable_id, task_id }: Pick<TaskView, "deliverable_id" | "task_id">): string =>
  `${deliverable_id}/${task_id}`;

/** How far below a first task each one is: the graph's shape, as an indent. Tasks come in topological order. */
function depthsOf(tasks: TaskView[]): Map<string, number> {
  const depths = new Map<string, number>();
  for (const task of tasks) {
    const above = task.dependencies.map((id) => depths.get(keyOf({ ...task, task_id: id })) ?? 0);
    depths.set(keyOf(task), above.length === 0 ? 0 : 1 + Math.max(...above));
  }
  return depths;
}

function countStates(tasks: TaskView[]): string {
  const counts = Map.groupBy(tasks, (task) => task.state);
  return [...counts].map(([state, list]) => `${count(list.length)} ${state}`).join(", ");
}

function taskLine(task: TaskView, depth: number, { columns, now, paint }: Screen): string {
  const { glyph, style } = LOOK[task.state];
  const state = cell(`${glyph} ${task.state}`, STATE_CELLS);
  const kept = columnsFor(columns);
  const fixed = kept.reduce((sum, name) => sum + COLUMNS[name].cells + 2, 0);
  const indent = columns < INDENT_COLUMNS_MIN ? "" : MARGIN.repeat(Math.min(depth, INDENT_MAX));
  const id = cell(indent + task.task_id, Math.max(1, columns - MARGIN.length - STATE_CELLS - 1 - fixed));
  const cells = kept.map((name) => cell(COLUMNS[name].text(task, now), COLUMNS[name].cells, COLUMNS[name].align));
  if (MARGIN.length + STATE_CELLS + 2 > columns) return line(`${glyph} ${task.task_id}`, columns);
  return [`${MARGIN}${paint(style, state)} ${id}`, ...cells].join(MARGIN).trimEnd();
}

function columnsFor(columns: number): (keyof typeof COLUMNS)[] {
  const kept = new Set(Object.keys(COLUMNS) as (keyof typeof COLUMNS)[]);
  const needed = (): number => [...kept].reduce((sum, name) => sum + COLUMNS[name].cells + 2, 0);
  for (const name of DISPENSABLE) {
    if (MARGIN.length + STATE_CELLS + 1 + ID_MIN + needed() <= columns) break;
    kept.delete(name);
  }
  return [...kept];
}

function taskTime({ started_at, ended_at }: TaskView, now: number): string {
  if (started_at === null) return "";
  return duration((ended_at === null ? now : Date.parse(ended_at)) - Date.parse(started_at));
}

function footer({ project, latest, connected }: ViewModel, { columns, paint }: Screen): string[] {
  const waiting = project.waiting_for.length;
  const lines = [
    ...(latest === "" ? [] : [paint("dim", line(latest, columns))]),
    ...(project.state === "paused" ? [paint("yellow", line("paused", columns))] : []),
    ...(waiting === 0 ? [] : [paint("yellow", line(`${waiting} waiting for a person`, columns))]),
    ...(connected ? [] : [paint("yellow", line("connection lost; what stands here may be old", columns))]),
  ];
  return lines.length === 0 ? [] : ["", ...lines];
}
