import { lstat, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CheckResult } from "../../domain/review.ts";
import { checkResult, harnessJson, newMarker, outputOf, type Run } from "../evaluator-shared/results.ts";
import { HARNESS, harnessScript, type ReviewNode } from "./run.ts";
import type { Sources } from "./sources.ts";

/** Findings in 100 lines at which nothing is left of the linter's value. */
const FINDINGS_PER_100_LINES_MAX = 10;
const DOCS_FLOOR = 0.95;
const OUTPUT_BYTES = 1024 ** 2;
const CONFIGURATION_BYTES_MAX = 100_000;

export interface Tree {
  run: Run;
  tools: ReviewNode;
  tree: string;
  launchers: string;
  sources: Sources;
}

/** The project's own tsconfig.json decides how strict it is, but not whether it is checked, nor which modules are left out. */
export async function compileCheck({ run, tools, sources }: Tree): Promise<CheckResult> {
  const flags = ["--noEmit", "--noCheck", "false", "--listFiles", "--pretty", "false"];
  const result = await run(["node", tools.tsc, "-p", "tsconfig.json", ...flags], {
    readOnly: true,
    limits: { output_bytes: OUTPUT_BYTES },
  });
  const lines = result.stdout.split("\n");
  const errors = lines.filter((line) => /: error TS\d+: |^error TS\d+: /.test(line));
  const failed = new Set(errors.map((line) => /^[^(]+(?=\(\d+,\d+\): error)/.exec(line)?.[0] ?? "tsconfig.json"));
  const wanted = [...sources.program, ...sources.tests].filter((path) => path.endsWith("ts"));
  const unchecked = wanted.filter((path) => !lines.some((line) => line.endsWith(`/${path}`)));
  const problems = [
    ...(wanted.length === 0 ? ["There is no TypeScript file."] : []),
    ...unchecked.map((path) => `${path}: tsconfig.json leaves it out`),
  ];
  const passed = result.exit_code === 0 && problems.length === 0;
  const good = wanted.length - unchecked.length - failed.size;
  return checkResult({
    check: "compile",
    metric: "correctness",
    veto: true,
    passed,
    value: passed ? 1 : Math.max(0, Math.min(good, wanted.length - 1)) / Math.max(1, wanted.length),
    command: "tsc -p tsconfig.json --noEmit",
    exit_code: passed ? 0 : (result.exit_code ?? 1) || 1,
    duration_ms: result.duration_ms,
    output: [...problems, ...errors, result.stderr].join("\n") || `${wanted.length} files are sound.`,
    counts: { files: wanted.length, failed: failed.size + unchecked.length },
  });
}

/** By the review's own rules: a project's configuration can't switch them off, nor hide files. */
export async function lintCheck({ run, tools, sources, tree }: Tree): Promise<CheckResult> {
  const argv = ["node", tools.oxlint, "-c", `${HARNESS}/oxlintrc.json`, "--no-ignore", "--disable-nested-config"];
  const result = await run([...argv, "-f", "unix", ...sources.all], {
    readOnly: true,
    limits: { output_bytes: OUTPUT_BYTES },
  });
  const findings = result.stdout.split("\n").filter((line) => /^[^ :]+:\d+:\d+: /.test(line)).length;
  const lines = await linesOf(tree, sources.all);
  const per100Lines = (findings * 100) / Math.max(1, lines);
  const passed = result.exit_code === 0 && sources.all.length > 0;
  return checkResult({
    check: "lint",
    metric: "style",
    passed,
    value: passed ? 1 : findings === 0 ? 0 : Math.max(0, 1 - per100Lines / FINDINGS_PER_100_LINES_MAX),
    command: "oxlint",
    exit_code: result.exit_code,
    duration_ms: result.duration_ms,
    output: outputOf(result),
    counts: { findings, lines },
  });
}

async function linesOf(tree: string, files: readonly string[]): Promise<number> {
  const texts = await Promise.all(files.map((path) => readFile(join(tree, path), "utf8")));
  return texts.reduce((sum, text) => sum + text.split("\n").length - 1, 0);
}

/** In the project's own format, and every module: a configuration can't leave any out. */
export async function formatCheck({ run, tools, sources, tree, launchers }: Tree): Promise<CheckResult> {
  const configuration = join(launchers, "oxfmtrc.json");
  await writeFile(configuration, JSON.stringify(await formatOf(tree)));
  const argv = ["node", tools.oxfmt, "--list-different", "-c", configuration, "--ignore-path=/dev/null"];
  const result = await run([...argv, "--disable-nested-config", ...sources.all], { readOnly: true });
  const unformatted = result.stdout.split("\n").filter((line) => line !== "").length;
  const formatted = Math.max(0, sources.all.length - unformatted);
  const passed = result.exit_code === 0 && formatted > 0;
  return checkResult({
    check: "format",
    metric: "style",
    passed,
    value: passed ? 1 : formatted / Math.max(1, sources.all.length + (unformatted === 0 ? 1 : 0)),
    command: "oxfmt --check",
    exit_code: result.exit_code,
    duration_ms: result.duration_ms,
    output: outputOf(result),
    counts: { formatted, unformatted },
  });
}

/** The project's options of the formatter, without those that name files. */
async function formatOf(tree: string): Promise<object> {
  const path = join(tree, ".oxfmtrc.json");
  const entry = await lstat(path).catch(() => null);
  if (entry === null || !entry.isFile() || entry.size > CONFIGURATION_BYTES_MAX) return {};
  try {
    const options: unknown = JSON.parse(await readFile(path, "utf8"));
    const plain = Object.entries(options as object).filter(([, value]) => typeof value !== "object");
    return Object.fromEntries(plain.filter(([name]) => name !== "$schema"));
  } catch {
    return {};
  }
}

/** Exported names with a JSDoc comment. */
export async function docsCheck({ run, tools, sources }: Tree): Promise<CheckResult> {
  const { program, tests } = sources;
  const input = { marker: newMarker(), parser: tools.parser, program, tests };
  const result = await run(["node", harnessScript("docs")], { readOnly: true, stdin: JSON.stringify(input) });
  const facts = harnessJson<{ total: number; covered: number; missing: string[] }>(result, "docs");
  const { total, covered, missing } = facts;
  const passed = total > 0 && covered / total >= DOCS_FLOOR;
  const list = missing.length === 0 ? "" : `\nWithout comment:\n${missing.join("\n")}`;
  return checkResult({
    check: "docs",
    metric: "documentation",
    passed,
    value: total === 0 ? 0 : covered / total,
    command: `exported names with JSDoc, at least ${DOCS_FLOOR * 100} %`,
    exit_code: passed ? 0 : 1,
    duration_ms: result.duration_ms,
    output: `${covered} of ${total} exported names have a JSDoc comment.${list}`,
    counts: { total, covered },
  });
}
