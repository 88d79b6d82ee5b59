import type { CheckResult } from "../../domain/review.ts";
import type { EvaluationRequest } from "../../ports/evaluator.ts";
import {
  MUTANTS_AT_ONCE,
  type MutationRun,
  mutantsResult,
  mutationLimits,
} from "../evaluator-shared/mutation-results.ts";
import { markedJson, newMarker } from "../evaluator-shared/results.ts";
import { coverageResult, TESTS_WALL_MS, type TestRun, testsResult } from "../evaluator-shared/test-results.ts";
import { type Examination, HARNESS, run } from "./run.ts";
import type { TreeFacts } from "./static-checks.ts";

export const MUTATE = "python mutate.py";

/** One run of pytest for `tests` and, where asked, `coverage`. */
export async function testChecks(on: Examination, facts: TreeFacts, withCoverage: boolean): Promise<CheckResult[]> {
  const marker = newMarker();
  const argv = [on.python.python, `${HARNESS}/run_tests.py`, ...(withCoverage ? ["--coverage"] : [])];
  const ran = await run(on, argv, {
    stdin: `${marker}\n`,
    limits: { wall_ms: TESTS_WALL_MS, cpu_s: TESTS_WALL_MS / 1_000 },
  });
  const result = markedJson<TestRun>(ran.stdout, marker);
  const command = "python -m pytest -q -p no:cacheprovider -o addopts= --rootdir=.";
  const check = testsResult(result, ran, { runner: "pytest", command, problems: facts.problems });
  const report = "coverage run -m pytest && coverage report -m";
  return withCoverage ? [check, coverageResult(result, ran.duration_ms, report)] : [check];
}

/** Negative control: breaks the program on purpose and asks whether the tests notice. */
export async function mutantsCheck(on: Examination, { mutation, changed }: EvaluationRequest): Promise<CheckResult> {
  const { mutants_max, seed, wall_ms, floor } = mutation;
  const marker = newMarker();
  const dependencies = on.dependencies ?? null;
  const input = { marker, mutants_max, seed, wall_ms, changed, workers: MUTANTS_AT_ONCE, dependencies };
  const ran = await run(on, [on.python.python, `${HARNESS}/mutate.py`], {
    importable: false, // only its forks import the tree
    stdin: JSON.stringify(input),
    limits: mutationLimits(mutation),
  });
  const command = `${MUTATE} --mutants ${mutants_max} --seed ${seed}`;
  return mutantsResult(markedJson<MutationRun>(ran.stdout, marker), ran, { floor, command });
}
