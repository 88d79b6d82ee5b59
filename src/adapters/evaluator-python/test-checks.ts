import type { CheckResult } from "../../domain/review.ts";
import type { EvaluationRequest } from "../../ports/evaluator.ts";
import { type Examination, HARNESS, checkResult, markedJson, newMarker, outputOf, run } from "./run.ts";
import type { TreeFacts } from "./static-checks.ts";

/** Share of lines that the tests must reach. */
const COVERAGE_FLOOR = 0.8;
/** Share of the mutants drawn that must have been decided, or the sample says nothing. */
const DECIDED_FLOOR = 0.5;
const TESTS_WALL_MS = 120_000;
const MUTANTS_AT_ONCE = 2;

interface TestRun {
  exit_code: number;
  duration_ms: number;
  tests: number;
  failures: number;
  errors: number;
  skipped: number;
  coverage?: { lines: number; executed: number; missing: string[] };
}

/** One run of pytest for `tests` and, where asked, `coverage`. */
export async function testChecks(on: Examination, facts: TreeFacts, withCoverage: boolean): Promise<CheckResult[]> {
  const marker = newMarker();
  const argv = ["python", `${HARNESS}/run_tests.py`, ...(withCoverage ? ["--coverage"] : [])];
  const ran = await run(on, argv, {
    stdin: `${marker}\n`,
    limits: { wall_ms: TESTS_WALL_MS, cpu_s: TESTS_WALL_MS / 1_000 },
  });
  const result = markedJson<TestRun>(ran.stdout, marker);
  const { tests = 0, failures = 0, errors = 0, skipped = 0 } = result ?? {};
  const good = Math.max(0, tests - failures - errors - skipped);
  const problems = [
    ...(result === null ? ["pytest did not get to its end."] : []),
    ...(result !== null && tests === 0 ? ["No test ran."] : []),
    ...(tests > 0 && skipped >= tests ? ["Every test is skipped."] : []),
    ...facts.problems,
  ];
  const passed = result?.exit_code === 0 && problems.length === 0;
  const check = checkResult({
    check: "tests",
    metric: "correctness",
    veto: true,
    passed,
    value: tests === 0 || problems.length > 0 ? 0 : good / Math.max(1, tests - skipped),
    command: "python -m pytest -q -p no:cacheprovider -o addopts= --rootdir=.",
    exit_code: result?.exit_code ?? ran.exit_code,
    duration_ms: result?.duration_ms ?? ran.duration_ms,
    output: [...problems, outputOf({ ...ran, stdout: "" })].join("\n"),
    counts: { tests, failures, errors, skipped },
  });
  return withCoverage ? [check, coverageCheck(result, ran.duration_ms)] : [check];
}

/** Counts as correctness: what no test has reached, no test has shown to be right. The negative control is `mutants`. */
function coverageCheck(result: TestRun | null, duration_ms: number): CheckResult {
  const { lines, executed, missing } = result?.coverage ?? { lines: 0, executed: 0, missing: [] };
  const share = lines === 0 ? 0 : executed / lines;
  const passed = result?.exit_code === 0 && share >= COVERAGE_FLOOR;
  return checkResult({
    check: "coverage",
    metric: "correctness",
    passed,
    value: share,
    command: "coverage run -m pytest && coverage report -m",
    exit_code: passed ? 0 : 1,
    duration_ms,
    output: [`${executed} of ${lines} lines are executed by the tests.`, ...missing].join("\n"),
    counts: { lines, executed },
  });
}

interface MutationRun {
  error?: string;
  drawn: number;
  mutants: number;
  killed: number;
  survived: number;
  inconclusive: number;
  controls_failed: number;
  survivors: string[];
  timeouts: string[];
}

/** Negative control: breaks the program on purpose and asks whether the tests notice. */
export async function mutantsCheck(on: Examination, request: EvaluationRequest): Promise<CheckResult> {
  const { mutants_max, seed, wall_ms, floor } = request.mutation;
  const marker = newMarker();
  const input = {
    marker,
    mutants_max,
    seed,
    wall_ms,
    changed: request.changed,
    workers: MUTANTS_AT_ONCE,
    dependencies: on.dependencies ?? null,
  };
  const limits = { wall_ms: wall_ms + TESTS_WALL_MS, cpu_s: (MUTANTS_AT_ONCE * (wall_ms + TESTS_WALL_MS)) / 1_000 };
  const ran = await run(on, ["python", `${HARNESS}/mutate.py`], { stdin: JSON.stringify(input), limits });
  const result = markedJson<MutationRun>(ran.stdout, marker);
  const { mutants = 0, killed = 0, survived = 0, inconclusive = 0, survivors = [], timeouts = [] } = result ?? {};
  const decided = killed + survived;
  const share = decided === 0 ? 0 : killed / decided;
  const problems = mutationProblems(result, decided, outputOf(ran));
  const passed = problems.length === 0 && share >= floor;
  const summary = `${killed} of ${decided} mutants killed (${(share * 100).toFixed(0)} %; the floor is ${(floor * 100).toFixed(0)} %).`;
  const list = (title: string, lines: string[]): string[] => (lines.length === 0 ? [] : [title, ...lines]);
  return checkResult({
    check: "mutants",
    metric: "correctness",
    veto: true,
    passed,
    value: problems.length > 0 ? 0 : share,
    command: `python mutate.py --mutants ${mutants_max} --seed ${seed}`,
    exit_code: passed ? 0 : 1,
    duration_ms: ran.duration_ms,
    output: [summary, ...problems, ...list("Survived:", survivors), ...list("Inconclusive:", timeouts)].join("\n"),
    counts: { mutants, killed, survived, inconclusive },
  });
}

function mutationProblems(result: MutationRun | null, decided: number, output: string): string[] {
  if (result === null) return [`The mutation run did not get to its end.\n${output}`];
  if (result.error !== undefined) return [result.error];
  const problems: string[] = [];
  if (result.controls_failed > 0)
    problems.push("The tests fail on the unchanged program when it is run as a mutant is, or in another order.");
  if (decided < result.drawn * DECIDED_FLOOR)
    problems.push(`Only ${decided} of ${result.drawn} mutants could be decided in time.`);
  return problems;
}

/** For trees whose tests don't pass: a broken suite would kill every mutant. */
export function mutantsNotRun(): CheckResult {
  return checkResult({
    check: "mutants",
    metric: "correctness",
    veto: true,
    passed: false,
    command: "python mutate.py",
    exit_code: null,
    duration_ms: 0,
    output: "Not run: the tests don't pass on the unchanged program.",
    counts: { mutants: 0, killed: 0, survived: 0, inconclusive: 0 },
  });
}
