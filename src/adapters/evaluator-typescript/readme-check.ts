import { randomUUID } from "node:crypto";
import { lstat, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CheckResult } from "../../domain/review.ts";
import { COMMAND_WALL_MS } from "../evaluator-shared/command-check.ts";
import {
  type Block,
  blocksOf,
  consoleExamples,
  type Example,
  readmeOf,
  readmeResult,
} from "../evaluator-shared/readme.ts";
import { outputOf, type Run } from "../evaluator-shared/results.ts";
import { type Examination, runnerOf } from "./run.ts";
import { copyTree } from "./workspace.ts";

const MANIFEST_BYTES_MAX = 1_000_000;
const LANGUAGES = new Set(["ts", "typescript", "js", "javascript"]);
const TYPES = "--ignoreConfig --noEmit --strict --skipLibCheck --pretty false".split(" ");
const MODULES =
  "--module nodenext --target es2024 --moduleDetection force --allowImportingTsExtensions --types node".split(" ");

/**
 * Builds the package in a copy of the tree and tries the README's examples there, as a reader would: a ```ts block must
 * pass the type checker, run to its end, and print what a ```text block right after it says; a ```console block must
 * print what it shows. Blocks import the package by its own name.
 */
export async function readmeCheck(on: Examination): Promise<CheckResult> {
  const text = await readmeOf(on.tree);
  if (text === null) return readmeResult([], "There is no README.md.");
  const copy = await copyTree(on.tree);
  try {
    const run = runnerOf({ ...on, tree: copy });
    const built = await build(copy, run);
    const said = (example: Example): Example =>
      built === null ? example : { ...example, fault: async () => `The package can't be built.\n${built}` };
    const examples = [...consoleExamples(text, run), ...codeExamples(text, copy, run, on.tools.tsc)].map(said);
    return await readmeResult(examples, "README.md has neither a ```ts nor a ```console example.");
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** Runs the package's own `build`, if it has one. What it says when it fails. */
async function build(copy: string, run: Run): Promise<string | null> {
  const path = join(copy, "package.json");
  const entry = await lstat(path).catch(() => null);
  if (!entry?.isFile() || entry.size > MANIFEST_BYTES_MAX || !hasBuild(await readFile(path, "utf8"))) return null;
  const result = await run(["node", "--run", "build"], { limits: { wall_ms: COMMAND_WALL_MS } });
  return result.exit_code === 0 ? null : outputOf(result);
}

function hasBuild(manifest: string): boolean {
  try {
    const { scripts } = JSON.parse(manifest) as { scripts?: Record<string, unknown> };
    return typeof scripts?.["build"] === "string";
  } catch {
    return false;
  }
}

function codeExamples(text: string, copy: string, run: Run, tsc: string): Example[] {
  const blocks = blocksOf(text);
  return blocks.flatMap((block, index) => {
    if (!LANGUAGES.has(block.language)) return [];
    const next = blocks[index + 1];
    const output = next?.follows === true && next.language === "text" ? next.text : null;
    return [
      {
        line: block.line,
        command: `example of line ${block.line}`,
        fault: () => tryOut(block, output, copy, run, tsc),
      },
    ];
  });
}

async function tryOut(
  { text }: Block,
  output: string | null,
  copy: string,
  run: Run,
  tsc: string,
): Promise<string | null> {
  const name = `example-${randomUUID()}.ts`;
  await writeFile(join(copy, name), text, { flag: "wx" });
  const limits = { wall_ms: COMMAND_WALL_MS };
  const typed = await run(["node", tsc, ...TYPES, ...MODULES, name], { readOnly: true, limits });
  if (typed.exit_code !== 0) return `does not pass the type checker:\n${outputOf(typed)}`;
  const ran = await run(["node", name], { stdin: "", limits });
  if (ran.exit_code !== 0) return `fails:\n${outputOf(ran)}`;
  const same = output === null || ran.stdout.trimEnd() === output.trimEnd();
  return same ? null : `says:\n${output}\nprints:\n${ran.stdout}`;
}
