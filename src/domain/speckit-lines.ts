import { oneLine } from "./markdown.ts";
import { type Block, readOutline } from "./markdown-outline.ts";
import { filesIn, type NamedFiles } from "./speckit-words.ts";

/** Tasks of one file, those that are done included. */
const TASKS_MAX = 1_000;
const TEXT_MAX = 2_000;
const CRITERION_MAX = 500;
const CRITERIA_MAX = 50;
/** Ends a text that was cut. */
const CUT = " …";

/** A line `- [ ] T012 [P] [US1] …` and what is indented below it. */
export interface SpecKitTask {
  /** As written, in upper case: `T012`. */
  id: string;
  line: number;
  end_line: number;
  /** Marked `[P]`: it may run beside others. */
  parallel: boolean;
  /** `us1` */
  story?: string;
  /** Description and details as one line, at most 2,000 characters. */
  text: string;
  /** Checkboxes below it that are no tasks. */
  criteria: string[];
  done: boolean;
  /** Named by `depends on T004`, `after T004, T005` or `requires T004-T006`, with the line that says so. */
  depends: { id: string; line: number }[];
  /** Under a heading such as "Tests for User Story 1". */
  writes_tests: boolean;
  files: NamedFiles;
}

export interface SpecKitPhase {
  title: string;
  /** Of a user story: it runs beside the other stories. */
  story: boolean;
  independent_test?: string;
  tasks: SpecKitTask[];
}

export interface SpecKitFile {
  title: string;
  phases: SpecKitPhase[];
  /** `LINE: what is wrong; what to do`. */
  problems: string[];
}

const ID = /^(?:\*\*)?(T\d{1,6}[a-z]?)(?:\*\*)?[:.]?(?:\s+|$)/i;
const PLACEHOLDER = /^(?:\*\*)?T(?:X+|\d*X+|#+|NNN)\b/i;
const MARKER = /^\[(P|US\d{1,3})\]\s*/i;

/** Reads a tasks.md of spec-kit line by line. Never throws; what it can't read is a problem. */
export function readSpecKit(markdown: string): SpecKitFile {
  const reader = new Reader();
  const { blocks, lines_unread } = readOutline(markdown);
  for (const block of blocks) reader.take(block);
  if (lines_unread > 0) reader.file.problems.push(`1: ${lines_unread} lines too many; split the file`);
  return reader.file;
}

class Reader {
  readonly file: SpecKitFile = { title: "", phases: [], problems: [] };
  readonly #lines = new Map<string, number>();
  #phase: SpecKitPhase = { title: "", story: false, tasks: [] };
  #tests = false;
  /** The task that indented lines belong to. */
  #open: { task: SpecKitTask; depth: number } | undefined;

  take(block: Block): void {
    if (block.kind === "heading") this.#heading(block);
    else if (block.kind === "item") this.#item(block);
    else if (block.kind === "paragraph") this.#paragraph(block);
  }

  #heading({ depth, text }: Block): void {
    this.#open = undefined;
    const title = oneLine(text, 200);
    if (depth === 1 && this.file.title === "") this.file.title = title.replace(/^tasks: ?/i, "");
    else if (depth <= 2) {
      this.#phase = { title, story: /\b(?:user story|us) ?\d/i.test(title), tasks: [] };
      this.#tests = false;
    } else this.#tests = /^tests?\b/i.test(title);
  }

  #paragraph({ text, line }: Block): void {
    const plain = oneLine(text, CRITERION_MAX);
    const test = /^independent tests?: ?/i.exec(plain);
    if (test !== null) this.#phase.independent_test = plain.slice(test[0].length);
    else if (ID.test(plain) && this.#isPhase()) {
      this.file.problems.push(`${line}: a task must be a list item; write "- [ ] ${plain.slice(0, 40)}"`);
    } else if (this.#open !== undefined && this.#open.task.end_line === line - 1) this.#detail(plain, line, line);
  }

  #item({ source, line, end_line, depth, checked }: Block): void {
    const id = ID.exec(source);
    const nested = this.#open !== undefined && depth > this.#open.depth;
    const shown = oneLine(source, 40);
    if (checked !== undefined && id !== null) {
      this.#task({ id: id[1] ?? "", rest: source.slice(id[0].length), line, end_line, depth, done: checked });
    } else if (checked !== undefined && PLACEHOLDER.test(source)) {
      this.file.problems.push(`${line}: "${shown}" has a placeholder for its id; give the task a number`);
    } else if (nested) {
      const criteria = this.#open?.task.criteria ?? [];
      if (checked !== undefined && criteria.length < CRITERIA_MAX) criteria.push(oneLine(source, CRITERION_MAX));
      this.#detail(source, line, end_line);
    } else if (!this.#isPhase()) return;
    else if (id !== null) this.file.problems.push(`${line}: "${shown}" has no checkbox; write "- [ ] ${shown}"`);
    else if (checked !== undefined) {
      this.file.problems.push(`${line}: "${shown}" has no id; write it as "- [ ] T001 ${shown}"`);
    }
  }

  #isPhase(): boolean {
    return this.#phase.title === "" || /^phase\b/i.test(this.#phase.title);
  }

  #task(found: { id: string; rest: string; line: number; end_line: number; depth: number; done: boolean }): void {
    const { line, end_line, depth, done } = found;
    const id = found.id.toUpperCase();
    const earlier = this.#lines.get(id);
    if (earlier !== undefined) {
      this.file.problems.push(`${line}: ${id} is there twice, first on line ${earlier}; number them apart`);
      return;
    }
    if (this.#lines.size === TASKS_MAX)
      this.file.problems.push(`${line}: more than ${TASKS_MAX} tasks; split the file`);
    this.#lines.set(id, line);
    if (this.#lines.size > TASKS_MAX) return;
    let rest = found.rest;
    const markers: string[] = [];
    for (let marker = MARKER.exec(rest); marker !== null; marker = MARKER.exec(rest)) {
      markers.push((marker[1] ?? "").toLowerCase());
      rest = rest.slice(marker[0].length);
    }
    const story = markers.find((marker) => marker !== "p");
    const text = clean(rest);
    if (text === "") {
      this.file.problems.push(`${line}: ${id} says nothing; describe what is to be done and in which file`);
      return;
    }
    const task: SpecKitTask = {
      id,
      line,
      end_line,
      parallel: markers.includes("p"),
      ...(story === undefined ? {} : { story }),
      text,
      criteria: [],
      done,
      depends: dependsIn(text, line),
      writes_tests: this.#tests,
      files: filesIn(text),
    };
    if (this.#phase.tasks.length === 0) this.file.phases.push(this.#phase);
    this.#phase.tasks.push(task);
    this.#open = { task, depth };
  }

  /** What is beyond the task's 2,000 characters is left out. */
  #detail(source: string, line: number, end_line: number): void {
    const task = this.#open?.task;
    if (task === undefined) return;
    task.end_line = end_line;
    if (task.text.endsWith(CUT)) return;
    const text = clean(source);
    task.text = oneLine(`${task.text}; ${text}`, TEXT_MAX);
    task.files = filesIn(task.text);
    if (task.depends.length < TASKS_MAX) task.depends.push(...dependsIn(text, line));
  }
}

function clean(source: string): string {
  return oneLine(source.replaceAll(/`|\*\*/g, ""), TEXT_MAX);
}

/** Ids after `depends on`, `blocked by`, `requires` and `after`; `T004-T006` names the three. */
function dependsIn(text: string, line: number): { id: string; line: number }[] {
  const found = new Set<string>();
  for (const { 0: words, index } of text.matchAll(
    /\b(?:depends on|dependent on|blocked by|requires|after) (?=T\d)/gi,
  )) {
    const next = /(T)(\d{1,6})([a-z]?)( ?[-–] ?(?=T\d)|,? (?:and|&) (?=T\d)|, ?(?=T\d))?/iy;
    next.lastIndex = index + words.length;
    let from: number | undefined;
    for (let match = next.exec(text); match !== null; match = next.exec(text)) {
      const [, , digits = "", letter = "", gap = ""] = match;
      const number = Number(digits);
      for (let between = (from ?? number) + 1; between < number && found.size < TASKS_MAX; between += 1) {
        found.add(`T${String(between).padStart(digits.length, "0")}`);
      }
      found.add(`T${digits}${letter.toUpperCase()}`);
      from = /[-–]/.test(gap) ? number : undefined;
    }
  }
  return [...found].map((id) => ({ id, line }));
}
