import type { CheckResult } from "../../domain/review.ts";
import type { EvaluationRequest } from "../../ports/evaluator.ts";
import type { SandboxResult } from "../../ports/sandbox.ts";
import { checkResult, outputOf } from "./results.ts";
import { TESTS_WALL_MS } from "./test-results.ts";

/** Share of the mutants drawn that must have been decided, or the sample says nothing. */
const DECIDED_FLOOR = 0.5;
export const MUTANTS_AT_ONCE = 2;

/** What a stack's harness says of a seeded sample of mutants. */
export interface MutationRun {
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

/** Limits of the sandbox in which all mutants of one request run. */
export function mutationLimits({ wall_ms }: EvaluationRequest["mutation"]): { wall_ms: number; cpu_s: number } {
  return { wall_ms: wall_ms + TESTS_WALL_MS, cpu_s: (MUTANTS_AT_ONCE * (wall_ms + TESTS_WALL_MS)) / 1_000 };
}

/** The verdict on a mutation run; `result` is null when the harness didn't get to its end. */
export function mutantsResult(
  result: MutationRun | null,
  ran: SandboxResult,
  { floor, command }: { floor: number; command: string },
): CheckResult {
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
    command,
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
export function mutantsNotRun(command: string): CheckResult {
  return checkResult({
    check: "mutants",
    metric: "correctness",
    veto: true,
    passed: false,
    command,
    exit_code: null,
    duration_ms: 0,
    output: "Not run: the tests don't pass on the unchanged program.",
    counts: { mutants: 0, killed: 0, survived: 0, inconclusive: 0 },
  });
}
