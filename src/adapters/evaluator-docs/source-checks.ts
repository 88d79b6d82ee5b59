import type { CheckResult } from "../../domain/review.ts";
import type { SandboxResult } from "../../ports/sandbox.ts";
import { checkResult, markedJson, newMarker, outputOf, type Run } from "../evaluator-shared/results.ts";
import { HARNESS } from "./run.ts";

const EXAMPLES_WALL_MS = 120_000;
/** Findings a page at which nothing is left of the linter's value. */
const FINDINGS_PER_PAGE_MAX = 5;
/** The tree's settings are left aside, so that they can't weaken the review. Lines are free; links are checked in the HTML. */
const RUMDL = [
  "--no-config",
  "--no-cache",
  "--no-exclude",
  "--flavor",
  "myst",
  "--disable",
  "MD013,MD051,MD057",
  "--color",
  "never",
];
const NO_LINTER = "The project's lock file names no rumdl, which reviews Markdown.";

/** Runs and parses the fenced blocks of every page but the README. */
export async function examplesCheck(run: Run): Promise<CheckResult> {
  const marker = newMarker();
  const limits = { wall_ms: EXAMPLES_WALL_MS, cpu_s: EXAMPLES_WALL_MS / 1_000 };
  const ran = await run(["python", `${HARNESS}/run_examples.py`], { stdin: `${marker}\n`, limits });
  const result = markedJson<{ examples: number; good: number; failures: string[] }>(ran.stdout, marker);
  const { examples = 0, good = 0, failures = [] } = result ?? {};
  const passed = examples > 0 && good === examples;
  const summary = examples === 0 ? "There is no example." : `${good} of ${examples} examples are true.`;
  return checkResult({
    check: "examples",
    metric: "correctness",
    passed,
    value: examples === 0 ? 0 : good / examples,
    command: "python run_examples.py",
    exit_code: passed ? 0 : 1,
    duration_ms: ran.duration_ms,
    output: result === null ? outputOf(ran) : [summary, ...failures].join("\n\n"),
    counts: { examples, true: good },
  });
}

/** rumdl over all Markdown: what is wrong with it, by rule. */
export async function markdownLint(run: Run): Promise<CheckResult> {
  const result = await run(["rumdl", "check", ...RUMDL, "."], { readOnly: true });
  const lines = result.stdout.split("\n");
  const findings = lines.filter((line) => /^[^:]+:\d+:\d+: \[MD\d+\]/.test(line)).length;
  const files = filesIn(result);
  const passed = result.exit_code === 0 && files > 0;
  const lost = findings / (Math.max(1, files) * FINDINGS_PER_PAGE_MAX);
  return checkResult({
    check: "lint",
    metric: "style",
    passed,
    value: passed ? 1 : findings === 0 ? 0 : Math.max(0, 1 - lost),
    command: "rumdl check --flavor myst .",
    exit_code: result.exit_code,
    duration_ms: result.duration_ms,
    output: said(result),
    counts: { findings, files },
  });
}

/** Whether rumdl's formatter would change anything. */
export async function markdownFormat(run: Run): Promise<CheckResult> {
  const result = await run(["rumdl", "fmt", "--check", ...RUMDL, "."], { readOnly: true });
  const unformatted = new Set(result.stdout.match(/^--- .+$/gm)).size;
  const files = filesIn(result);
  const passed = result.exit_code === 0;
  return checkResult({
    check: "format",
    metric: "style",
    passed,
    value: passed ? 1 : unformatted === 0 ? 0 : Math.max(0, 1 - unformatted / Math.max(files, unformatted)),
    command: "rumdl fmt --check --flavor myst .",
    exit_code: result.exit_code,
    duration_ms: result.duration_ms,
    output: said(result),
    counts: { unformatted },
  });
}

function filesIn({ stdout, stderr }: SandboxResult): number {
  return Number(/in (?:\d+\/)?(\d+) files?/.exec(stdout + stderr)?.[1] ?? 0);
}

function said(result: SandboxResult): string {
  return result.exit_code === 127 || /execvp|not found/.test(result.stderr) ? NO_LINTER : outputOf(result);
}

/** One verdict of two tools: passed when both did, worth what the worse of them is. */
export function both(first: CheckResult, second: CheckResult): CheckResult {
  const failed = [first, second].filter(({ passed }) => !passed);
  return checkResult({
    check: first.check,
    metric: first.metric,
    passed: failed.length === 0,
    value: Math.min(first.value, second.value),
    command: `${first.command} && ${second.command}`,
    exit_code: failed[0]?.exit_code ?? (failed.length === 0 ? 0 : null),
    duration_ms: first.duration_ms + second.duration_ms,
    output: (failed.length === 0 ? [first, second] : failed).map(({ excerpt }) => excerpt).join("\n"),
    counts: { ...first.counts, ...second.counts },
  });
}
