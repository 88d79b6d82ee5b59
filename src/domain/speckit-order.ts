import { nearest } from "./nearest.ts";
import type { SpecKitPhase, SpecKitTask } from "./speckit-lines.ts";

const NOTES_MAX = 100;
/** A guess compares an id with all others. */
const GUESSES_MAX = 50;

/** A task that is still to be done, with the files that are its own. */
export interface OpenTask {
  task: SpecKitTask;
  phase: SpecKitPhase;
  /** May be `**`: any file. */
  paths: string[];
}

export interface Ordering {
  /** By task id, without what follows from the others. */
  dependencies: Map<string, string[]>;
  notes: string[];
  /** `LINE: what is wrong; what to do`. */
  problems: string[];
}

/**
 * What waits for what, by spec-kit's rules. A task without `[P]` waits for all before it in its phase, one with it
 * only for the phase's start. A phase waits for the one before; user stories run beside each other, after the last
 * phase before them, and what follows waits for all of them. A story's tests come before its implementation.
 * Tasks that change the same files are put in the file's order. Takes time by tasks times dependencies.
 */
export function orderTasks(phases: readonly SpecKitPhase[], open: readonly OpenTask[]): Ordering {
  const problems: string[] = [];
  const waits = byPhase(open);
  addExplicit(waits, phases, open, problems);
  const sorted = sort(open, waits, problems);
  if (problems.length > 0) return { dependencies: new Map(), notes: [], problems };
  return { ...settle(sorted, waits), problems };
}

type Waits = Map<string, Set<string>>;

function byPhase(open: readonly OpenTask[]): Waits {
  const waits: Waits = new Map();
  let base: string[] = [];
  let stories: string[] = [];
  for (const [phase, members] of Map.groupBy(open, (item) => item.phase)) {
    const start = phase.story || stories.length === 0 ? base : stories;
    const ends = withinPhase(
      members.map(({ task }) => task),
      start,
      waits,
    );
    if (phase.story) stories = [...stories, ...ends];
    else [base, stories] = [ends, []];
  }
  return waits;
}

/** Fills in the waits of one phase, and answers the tasks that nothing in it waits for. */
function withinPhase(tasks: readonly SpecKitTask[], start: readonly string[], waits: Waits): string[] {
  let begin = start;
  /** The last task without `[P]`, and those with it since. */
  let tail: string[] = [];
  let testing = false;
  for (const { id, parallel, writes_tests } of tasks) {
    if (testing && !writes_tests) begin = tail;
    testing = writes_tests;
    waits.set(id, new Set(parallel || tail.length === 0 ? begin : tail));
    tail = parallel ? [...tail, id] : [id];
  }
  return tail;
}

/** A dependency on a task that is done is met. */
function addExplicit(
  waits: Waits,
  phases: readonly SpecKitPhase[],
  open: readonly OpenTask[],
  problems: string[],
): void {
  const known = phases.flatMap(({ tasks }) => tasks.map(({ id }) => id));
  const ids = new Set(known);
  for (const { task } of open) {
    const unknown = task.depends.filter(({ id }) => !ids.has(id));
    for (const { id, line } of task.depends) {
      if (id === task.id) problems.push(`${line}: ${task.id} depends on itself; remove that`);
      else if (waits.has(id)) waits.get(task.id)?.add(id);
    }
    const [first] = unknown;
    if (first === undefined) continue;
    const guess = problems.length < GUESSES_MAX ? nearest(first.id, known) : undefined;
    const way = guess === undefined ? "add it or remove the dependency" : `did you mean ${guess}?`;
    const more = unknown.length > 1 ? ` (and ${unknown.length - 1} like it)` : "";
    problems.push(`${first.line}: ${task.id} depends on ${first.id}${more}, which is not in the file; ${way}`);
  }
}

/** Depth first in the file's order, so that each task comes after what it waits for. A cycle is a problem. */
function sort(open: readonly OpenTask[], waits: Waits, problems: string[]): OpenTask[] {
  const items = new Map(open.map((item) => [item.task.id, item]));
  const sorted = new Set<OpenTask>();
  const path: string[] = [];
  const visit = (item: OpenTask): void => {
    const { id } = item.task;
    if (sorted.has(item) || problems.length > 0) return;
    if (path.includes(id)) {
      problems.push(describeCycle([...path.slice(path.indexOf(id)), id], items));
      return;
    }
    path.push(id);
    for (const before of waits.get(id) ?? []) visit(items.get(before) as OpenTask);
    path.pop();
    sorted.add(item);
  };
  for (const item of open) visit(item);
  return [...sorted];
}

/** Only a dependency that is written out can lead backwards, so its line is named. */
function describeCycle(cycle: readonly string[], items: ReadonlyMap<string, OpenTask>): string {
  const written = cycle.slice(0, -1).flatMap((id, index) => {
    const said = items.get(id)?.task.depends.find((dependency) => dependency.id === cycle[index + 1]);
    return said === undefined ? [] : [{ from: id, ...said }];
  });
  const [first] = written;
  const way = first === undefined ? "" : `; remove "depends on ${first.id}" from ${first.from} or move one of them`;
  return `${first?.line ?? 1}: ${cycle.toReversed().join(" → ")} wait for each other${way}`;
}

/** Puts tasks that change the same files in order, and leaves out what other dependencies imply already. */
function settle(sorted: readonly OpenTask[], waits: Waits): Omit<Ordering, "problems"> {
  const position = new Map(sorted.map(({ task }, index) => [task.id, index]));
  /** Bit n: the task at position n comes before. */
  const before: bigint[] = [];
  const owners = new Owners();
  const dependencies = new Map<string, string[]>();
  const notes: string[] = [];
  let notesLeftOut = 0;
  for (const [index, { task, paths }] of sorted.entries()) {
    const direct = new Set([...(waits.get(task.id) ?? [])].map((id) => position.get(id) ?? 0));
    let ancestors = 0n;
    const kept: number[] = [];
    const keep = (other: number): boolean => {
      if ((ancestors >> BigInt(other)) & 1n) return false;
      kept.push(other);
      ancestors |= (before[other] ?? 0n) | (1n << BigInt(other));
      return true;
    };
    for (const other of [...direct].toSorted((a, b) => b - a)) keep(other);
    const rivals = owners.claim(index, paths);
    for (const [other, path] of [...rivals].toSorted(([a], [b]) => b - a)) {
      if (!keep(other)) continue;
      if (notes.length >= NOTES_MAX) notesLeftOut += 1;
      else
        notes.push(
          `${task.id} waits for ${sorted[other]?.task.id}: ${path === "" ? "it may change any file" : `both change ${path}`}`,
        );
    }
    before[index] = ancestors;
    // A rival may imply a dependency that was kept first.
    const implied = kept.reduce((all, other) => all | (before[other] ?? 0n), 0n);
    const needed = kept.filter((other) => ((implied >> BigInt(other)) & 1n) === 0n).toSorted((a, b) => a - b);
    dependencies.set(
      task.id,
      needed.map((other) => sorted[other]?.task.id ?? ""),
    );
  }
  if (notesLeftOut > 0) notes.push(`… and ${notesLeftOut} more tasks wait for others that change the same files`);
  return { dependencies, notes };
}

/** Who changed what last. `""` stands for the whole repository. */
class Owners {
  readonly #owner = new Map<string, number>();
  /** Tasks that changed something below a folder since the folder as a whole was claimed. */
  readonly #below = new Map<string, number[]>();

  /** The tasks that claim the same files, each with the path that both claim; then the claims are this task's. */
  claim(task: number, paths: readonly string[]): Map<number, string> {
    const rivals = new Map<number, string>();
    const own = [...new Set(paths.map((path) => (path === "**" ? "" : path)))];
    const add = (other: number | undefined, path: string): void => {
      if (other !== undefined && other !== task && !rivals.has(other)) rivals.set(other, path);
    };
    for (const path of own) {
      for (const folder of [path, ...above(path)]) add(this.#owner.get(folder), path);
      for (const other of this.#below.get(path) ?? []) add(other, path);
      this.#owner.set(path, task);
      this.#below.set(path, []);
      for (const folder of above(path)) {
        const list = this.#below.get(folder);
        if (list === undefined) this.#below.set(folder, [task]);
        else if (list.at(-1) !== task) list.push(task);
      }
    }
    return rivals;
  }
}

/** The folders around a path, the repository last. */
function above(path: string): string[] {
  if (path === "") return [];
  const parts = path.split("/").slice(0, -1);
  return ["", ...parts.map((_, index) => parts.slice(0, index + 1).join("/"))].reverse();
}
