import type { CheckResult } from "../../domain/review.ts";
import type { EvaluationRequest } from "../../ports/evaluator.ts";
import { HARNESS as PYTHON_HARNESS } from "../evaluator-python/run.ts";
import {
  MUTANTS_AT_ONCE,
  type MutationRun,
  mutantsResult,
  mutationLimits,
} from "../evaluator-shared/mutation-results.ts";
import { markedJson, newMarker, type Run } from "../evaluator-shared/results.ts";
import { TESTS_WALL_MS, type TestRun, testsResult } from "../evaluator-shared/test-results.ts";
import { HARNESS } from "./run.ts";

export const MUTATE = "python mutate_docs.py";
/** Each mutant costs a build of the site, so fewer are drawn than where one costs milliseconds. */
const MUTANTS_MAX = 40;

/** The project's own checks of its pages, run by pytest. `problems` are what its settings do to weaken them. */
export async function testsCheck(run: Run, problems: readonly string[]): Promise<CheckResult> {
  const marker = newMarker();
  const limits = { wall_ms: TESTS_WALL_MS, cpu_s: TESTS_WALL_MS / 1_000 };
  const ran = await run(["python", `${PYTHON_HARNESS}/run_tests.py`], { stdin: `${marker}\n`, limits });
  const command = "python -m pytest -q -p no:cacheprovider -o addopts= --rootdir=.";
  return testsResult(markedJson<TestRun>(ran.stdout, marker), ran, { runner: "pytest", command, problems });
}

/** Negative control: breaks the documentation on purpose and asks whether the project's own checks notice. */
export async function mutantsCheck(
  run: Run,
  packages: string | undefined,
  { mutation, changed }: EvaluationRequest,
): Promise<CheckResult> {
  const { seed, wall_ms, floor } = mutation;
  const mutants_max = Math.min(mutation.mutants_max, MUTANTS_MAX);
  const marker = newMarker();
  const input = {
    marker,
    mutants_max,
    seed,
    wall_ms,
    changed,
    workers: MUTANTS_AT_ONCE,
    packages: packages ?? null,
    python_harness: PYTHON_HARNESS,
  };
  const ran = await run(["python", `${HARNESS}/mutate_docs.py`], {
    stdin: JSON.stringify(input),
    limits: mutationLimits(mutation),
  });
  const command = `${MUTATE} --mutants ${mutants_max} --seed ${seed}`;
  return mutantsResult(markedJson<MutationRun>(ran.stdout, marker), ran, { floor, command });
}
