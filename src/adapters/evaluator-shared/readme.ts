import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { CheckResult } from "../../domain/review.ts";
import { COMMAND_WALL_MS } from "./command-check.ts";
import { checkResult, type Run } from "./results.ts";

const README_BYTES_MAX = 1024 ** 2;
const EXAMPLES_MAX = 100;

/** An example of the README, and a way to find out whether it is true. */
export interface Example {
  /** Where it stands, from 1. */
  line: number;
  /** What a reader would type or run. */
  command: string;
  /** What is wrong with it, for a person; null when it is true. */
  fault(): Promise<string | null>;
}

/** A fenced block of Markdown. */
export interface Block {
  /** Line of its first line of text, from 1. */
  line: number;
  language: string;
  text: string;
  /** Whether only blank lines stand between it and the block before. */
  follows: boolean;
}

/** Runs the examples and says how many are true; `none` is what is said where there are none. */
export async function readmeResult(examples: readonly Example[], none: string): Promise<CheckResult> {
  const began = performance.now();
  const bounded = examples.slice(0, EXAMPLES_MAX);
  const failures: string[] = [];
  for (const example of bounded) {
    const said = await example.fault();
    if (said !== null) failures.push(`README.md:${example.line}: ${said}`);
  }
  const good = bounded.length - failures.length;
  const passed = bounded.length > 0 && failures.length === 0;
  return checkResult({
    check: "readme",
    metric: "documentation",
    passed,
    value: bounded.length === 0 ? 0 : good / bounded.length,
    command: bounded.map(({ command }) => command).join(" ; "),
    exit_code: passed ? 0 : 1,
    duration_ms: performance.now() - began,
    output: bounded.length === 0 ? none : [`${good} of ${bounded.length} examples are true.`, ...failures].join("\n\n"),
    counts: { examples: bounded.length, true: good },
  });
}

/** The tree's README; null when there is none of a reasonable size. Follows no link. */
export async function readmeOf(tree: string): Promise<string | null> {
  const path = join(tree, "README.md");
  const entry = await lstat(path).catch(() => null);
  return entry?.isFile() && entry.size <= README_BYTES_MAX ? readFile(path, "utf8") : null;
}

/** `$ command` lines of the ```console blocks, each with the lines printed after it, standard output before standard error. */
export function consoleExamples(readme: string, run: Run): Example[] {
  return blocksOf(readme)
    .filter(({ language }) => language === "console")
    .flatMap(({ line, text }) => commandsOf(text, line))
    .map(({ line, command, output }) => ({
      line,
      command,
      async fault() {
        const result = await run(["/bin/sh", "-c", command], { stdin: "", limits: { wall_ms: COMMAND_WALL_MS } });
        const printed = `${result.stdout}${result.stderr}`.trimEnd();
        return printed === output.trimEnd() ? null : `$ ${command}\nsays:\n${output}\nprints:\n${printed}`;
      },
    }));
}

function commandsOf(text: string, first: number): { line: number; command: string; output: string }[] {
  const commands: { line: number; command: string; output: string }[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const last = commands.at(-1);
    if (line.startsWith("$ ")) commands.push({ line: first + index, command: line.slice(2), output: "" });
    else if (last !== undefined) last.output += `${line}\n`;
  }
  return commands;
}

/** The fenced blocks of a Markdown text. */
export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  let open: Block | null = null;
  let follows = false;
  for (const [index, line] of markdown.split(/\r?\n/).entries()) {
    const fence = /^\s*```\s*(\S*)\s*$/.exec(line);
    if (fence !== null && open === null) {
      open = { line: index + 2, language: fence[1] ?? "", text: "", follows };
    } else if (open !== null && /^\s*```\s*$/.test(line)) {
      blocks.push(open);
      open = null;
      follows = true;
    } else if (open !== null) {
      open.text += `${line}\n`;
    } else if (line.trim() !== "") {
      follows = false;
    }
  }
  return blocks;
}
