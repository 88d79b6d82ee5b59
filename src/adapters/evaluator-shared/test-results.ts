import type { CheckResult } from "../../domain/review.ts";
import type { SandboxResult } from "../../ports/sandbox.ts";
import { checkResult, outputOf } from "./results.ts";

/** Share of lines that the tests must reach. */
const COVERAGE_FLOOR = 0.8;
export const TESTS_WALL_MS = 120_000;

/** What a stack's harness says of one run of the tests. */
export interface TestRun {
  exit_code: number;
  duration_ms: number;
  tests: number;
  failures: number;
  errors: number;
  skipped: number;
  coverage?: { lines: number; executed: number; missing: string[] };
}

/**
 * The verdict on a run of the tests. `result` is null when the harness didn't get to its end; `problems` are what the
 * tree does that weakens the review, and any of them fails the check.
 */
export function testsResult(
  result: TestRun | null,
  ran: SandboxResult,
  { runner, command, problems: found }: { runner: string; command: string; problems: readonly string[] },
): CheckResult {
  const { tests = 0, failures = 0, errors = 0, skipped = 0 } = result ?? {};
  const good = Math.max(0, tests - failures - errors - skipped);
  const problems = [
    ...(result === null ? [`${runner} did not get to its end.`] : []),
    ...(result !== null && tests === 0 ? ["No test ran."] : []),
    ...(tests > 0 && skipped >= tests ? ["Every test is skipped."] : []),
    ...found,
  ];
  return checkResult({
    check: "tests",
    metric: "correctness",
    veto: true,
    passed: result?.exit_code === 0 && problems.length === 0,
    value: tests === 0 || problems.length > 0 ? 0 : good / Math.max(1, tests - skipped),
    command,
    exit_code: result?.exit_code ?? ran.exit_code,
    duration_ms: result?.duration_ms ?? ran.duration_ms,
    output: [...problems, outputOf({ ...ran, stdout: "" })].join("\n"),
    counts: { tests, failures, errors, skipped },
  });
}

/** Counts as correctness: what no test has reached, no test has shown to be right. The negative control is `mutants`. */
export function coverageResult(result: TestRun | null, duration_ms: number, command: string): CheckResult {
  const { lines, executed, missing } = result?.coverage ?? { lines: 0, executed: 0, missing: [] };
  const share = lines === 0 ? 0 : executed / lines;
  const passed = result?.exit_code === 0 && share >= COVERAGE_FLOOR;
  return checkResult({
    check: "coverage",
    metric: "correctness",
    passed,
    value: share,
    command,
    exit_code: passed ? 0 : 1,
    duration_ms,
    output: [`${executed} of ${lines} lines are executed by the tests.`, ...missing].join("\n"),
    counts: { lines, executed },
  });
}
