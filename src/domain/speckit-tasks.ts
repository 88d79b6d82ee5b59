import { InputError } from "./errors.ts";
import type { PlannerHeuristics } from "./heuristics.ts";
import { isId } from "./ids.ts";
import { readSpecKit, type SpecKitPhase, type SpecKitTask } from "./speckit-lines.ts";
import { type OpenTask, orderTasks } from "./speckit-order.ts";
import { typeOf } from "./speckit-words.ts";
import type { SuccessCriterion, TaskGraph, TaskNode, TaskType } from "./plan.ts";

/** Claims of a task; one that would have more may change any file. */
const PATHS_MAX = 200;
const PROBLEMS_MAX = 50;
const CRITERION_MAX = 500;

export interface SpecKitOptions extends Pick<TaskGraph, "budget_total" | "timeout_minutes" | "quality_threshold"> {
  personas: PlannerHeuristics["personas"];
  /** Tokens and seconds of one attempt at a task of this type and description. */
  estimate: (type: TaskType, description: string) => { tokens: number; seconds: number };
}

export interface SpecKitImport {
  title: string;
  graph: TaskGraph;
  /** What was decided that the file doesn't say: tasks left out, tasks put in order, tasks that may change any file. */
  notes: string[];
}

/**
 * Reads spec-kit's tasks.md as a task graph: `T012` becomes `t012`, with the lines that it came from in its inputs.
 * Throws InputError `tasks_invalid` with every problem at once, each as `FILE:LINE: what is wrong; what to do`.
 * `filename` is only named, never opened. The text of tasks is data; nothing in it changes budget or threshold.
 */
export function importSpecKitTasks(text: string, filename: string, options: SpecKitOptions): SpecKitImport {
  const { title, phases, problems } = readSpecKit(text);
  const notes: string[] = [];
  const open = openTasks(phases, notes);
  const ordering = orderTasks(phases, open);
  problems.push(...ordering.problems);
  if (problems.length === 0 && open.length === 0) {
    const all =
      phases.length > 0
        ? "all tasks are done; nothing is left to plan"
        : 'there is no task; write one as "- [ ] T001 …"';
    problems.push(`1: ${all}`);
  }
  if (problems.length > 0) fail(problems, filename);
  const nodes = open.map((item) => nodeOf(item, ordering.dependencies.get(item.task.id) ?? [], filename, options));
  addIndependentTests(open, nodes);
  const { budget_total, timeout_minutes, quality_threshold } = options;
  return {
    title,
    // In order already, by the file's own order.
    graph: { nodes, budget_total, timeout_minutes, quality_threshold, ownership: "error" },
    notes: [...notes, ...ordering.notes],
  };
}

function fail(problems: string[], filename: string): never {
  const sorted = problems.toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
  const kept = sorted.slice(0, PROBLEMS_MAX).map((problem) => `${filename}:${problem}`);
  if (sorted.length > kept.length) kept.push(`${filename}: and ${sorted.length - kept.length} more problems`);
  throw new InputError(`The task list in ${filename} can't be read.`, {
    code: "tasks_invalid",
    remedy: 'Mend the lines named above; a task reads "- [ ] T012 [P] [US1] Create the model in src/models/user.py".',
    problems: kept,
  });
}

/** The tasks that are not done. One that names no file may change those that its story named before, else any. */
function openTasks(phases: readonly SpecKitPhase[], notes: string[]): OpenTask[] {
  const open: OpenTask[] = [];
  const done: string[] = [];
  const anyFile: string[] = [];
  for (const phase of phases) {
    const named = new Set<string>();
    for (const task of phase.tasks) {
      // Whoever implements must not be let at the tests that prove it.
      if (!task.writes_tests) for (const path of task.files.claims) named.add(path);
      if (task.done) {
        done.push(task.id);
        continue;
      }
      const paths = pathsOf(task, phase.story ? [...named] : []);
      if (paths.includes("**")) anyFile.push(task.id);
      open.push({ task, phase, paths });
    }
  }
  if (done.length > 0) notes.push(`done already and left out: ${listed(done)}`);
  if (anyFile.length > 0) notes.push(`names no file, so it may change any and runs alone: ${listed(anyFile)}`);
  return open;
}

function pathsOf({ text, files }: SpecKitTask, story: string[]): string[] {
  if (files.claims.length > 0) return files.claims;
  if (typeOf(text, []) === "review") return [];
  return story.length > 0 && story.length <= PATHS_MAX ? story : ["**"];
}

function listed(ids: readonly string[]): string {
  return ids.length > 20 ? `${ids.slice(0, 20).join(", ")} and ${ids.length - 20} more` : ids.join(", ");
}

function nodeOf(
  { task, phase, paths }: OpenTask,
  waits: readonly string[],
  attachment: string,
  options: SpecKitOptions,
): TaskNode {
  const type = typeOf(task.text, task.files.claims);
  const { tokens, seconds } = options.estimate(type, task.text);
  const criteria = [task.text, ...task.criteria].map((text, index): SuccessCriterion => ({
    id: index === 0 ? "done" : `done-${index + 1}`,
    text: text.length > CRITERION_MAX ? `${text.slice(0, CRITERION_MAX - 2)} …` : text,
  }));
  return {
    id: task.id.toLowerCase(),
    type,
    description: task.text,
    dependencies: waits.map((id) => id.toLowerCase()),
    estimated_tokens: tokens,
    persona: options.personas[type],
    inputs: {
      sources: [{ attachment, line: task.line, end_line: task.end_line }],
      phase: phase.title,
      ...(task.story === undefined ? {} : { story: task.story }),
      reads: task.files.reads,
    },
    success_criteria: criteria,
    tools: [],
    paths,
    checks: [],
    estimated_seconds: seconds,
  };
}

/** A story's independent test is a criterion of its last task. */
function addIndependentTests(open: readonly OpenTask[], nodes: readonly TaskNode[]): void {
  const last = new Map(open.map(({ phase }, index) => [phase, index]));
  for (const [{ independent_test: text }, index] of last) {
    const node = nodes[index];
    if (text === undefined || text === "" || node === undefined) continue;
    const id = `${open[index]?.task.story ?? "story"}-independent-test`;
    if (isId(id)) node.success_criteria.push({ id, text });
  }
}
