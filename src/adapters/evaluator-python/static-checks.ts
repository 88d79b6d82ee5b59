import { join } from "node:path";
import type { CheckResult } from "../../domain/review.ts";
import { checkResult, harnessJson, outputOf } from "../evaluator-shared/results.ts";
import { type Examination, HARNESS, run, TREE_APART } from "./run.ts";

/** What the tree is, read without running any of it. */
export interface TreeFacts {
  compile: { files: number; lines: number; errors: string[]; failed: number; duration_ms: number };
  /** Console entry points: name → `module:attribute`. */
  scripts: Record<string, string>;
  /** What the metadata does that weakens the review. */
  problems: string[];
  lines: number;
}

/** Findings in 100 lines at which nothing is left of the linter's value. */
const FINDINGS_PER_100_LINES_MAX = 10;
/** Rules that hold whatever the project's own configuration leaves out: syntax, undefined and unused names. */
const RULES_ALWAYS = "E4,E7,E9,F";
const NO_EXCLUSIONS = ["--config", "exclude = []", "--config", "extend-exclude = []", "--no-respect-gitignore"];

/** By its absolute path: a launcher of the tree may have any name. */
function ruff({ python }: Examination): string {
  return join(python.bin, "ruff");
}

export async function readTree(on: Examination): Promise<TreeFacts> {
  const result = await run(on, [on.python.python, `${HARNESS}/inspect_tree.py`], TREE_APART);
  return harnessJson<TreeFacts>(result, "inspect_tree.py");
}

export function compileCheck({ compile }: TreeFacts): CheckResult {
  const { files, errors, failed, duration_ms } = compile;
  const passed = failed === 0 && files > 0;
  return checkResult({
    check: "compile",
    metric: "correctness",
    veto: true,
    passed,
    value: files === 0 ? 0 : (files - failed) / files,
    command: "python -m compileall -q .",
    exit_code: passed ? 0 : 1,
    duration_ms,
    output: files === 0 ? "There is no Python file." : errors.join("\n") || `${files} files compile.`,
    counts: { files, failed },
  });
}

export async function lintCheck(on: Examination, { lines }: TreeFacts): Promise<CheckResult> {
  const options = ["--no-cache", "--no-fix", "--output-format=concise", "--extend-select", RULES_ALWAYS];
  const result = await run(on, [ruff(on), "check", ...options, ...NO_EXCLUSIONS, "."], TREE_APART);
  const findings = result.stdout.split("\n").filter((line) => /^[^ :]+:\d+:\d+: /.test(line)).length;
  const per100Lines = (findings * 100) / Math.max(1, lines);
  return checkResult({
    check: "lint",
    metric: "style",
    passed: result.exit_code === 0,
    value: result.exit_code === 0 ? 1 : findings === 0 ? 0 : Math.max(0, 1 - per100Lines / FINDINGS_PER_100_LINES_MAX),
    command: "ruff check .",
    exit_code: result.exit_code,
    duration_ms: result.duration_ms,
    output: outputOf(result),
    counts: { findings, lines },
  });
}

export async function formatCheck(on: Examination): Promise<CheckResult> {
  const result = await run(on, [ruff(on), "format", "--check", "--no-cache", ...NO_EXCLUSIONS, "."], TREE_APART);
  const unformatted = Number(/(\d+) files? would be reformatted/.exec(result.stdout)?.[1] ?? 0);
  const formatted = Number(/(\d+) files? already formatted/.exec(result.stdout)?.[1] ?? 0);
  const passed = result.exit_code === 0 && formatted > 0;
  return checkResult({
    check: "format",
    metric: "style",
    passed,
    value: passed ? 1 : formatted / Math.max(1, formatted + unformatted + (unformatted === 0 ? 1 : 0)),
    command: "ruff format --check .",
    exit_code: result.exit_code,
    duration_ms: result.duration_ms,
    output: outputOf(result),
    counts: { formatted, unformatted },
  });
}

export async function docstringsCheck(on: Examination): Promise<CheckResult> {
  const result = await run(on, [on.python.python, `${HARNESS}/run_docstrings.py`, "src"], TREE_APART);
  const facts = harnessJson<{ total: number; covered: number; missing: string[] }>(result, "run_docstrings.py");
  const { total, covered, missing } = facts;
  const list = missing.length === 0 ? "" : `\nWithout docstring:\n${missing.join("\n")}`;
  return checkResult({
    check: "docstrings",
    metric: "documentation",
    passed: result.exit_code === 0,
    value: total === 0 ? 0 : covered / total,
    command: "interrogate --fail-under 95 src",
    exit_code: result.exit_code,
    duration_ms: result.duration_ms,
    output: `${covered} of ${total} public names have a docstring.${list}`,
    counts: { total, covered },
  });
}
