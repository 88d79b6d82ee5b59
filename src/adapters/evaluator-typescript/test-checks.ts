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
import { harnessScript } from "./run.ts";
import type { Tree } from "./static-checks.ts";

export const MUTATE = "mutate src";

/** One run of the tests for `tests` and, where asked, `coverage`. */
export async function testChecks(on: Tree, withCoverage: boolean): Promise<CheckResult[]> {
  const { tools, sources, run } = on;
  const { program, tests } = sources;
  const marker = newMarker();
  const argv = ["node", "--no-warnings", harnessScript("tests"), ...(withCoverage ? ["--coverage"] : [])];
  const ran = await run(argv, {
    stdin: JSON.stringify({ marker, parser: tools.parser, program, tests }),
    limits: { wall_ms: TESTS_WALL_MS, cpu_s: TESTS_WALL_MS / 1_000 },
  });
  const result = markedJson<TestRun & { problems: string[] }>(ran.stdout, marker);
  const check = testsResult(result, ran, {
    runner: "node --test",
    command: `node --test ${tests.join(" ")}`,
    problems: result?.problems ?? [],
  });
  if (!withCoverage) return [check];
  return [check, coverageResult(result, ran.duration_ms, "node --test --experimental-test-coverage")];
}

/** Negative control: breaks the program on purpose and asks whether the tests notice. */
export async function mutantsCheck(on: Tree, { mutation, changed }: EvaluationRequest): Promise<CheckResult> {
  const { mutants_max, seed, wall_ms, floor } = mutation;
  const { program, tests } = on.sources;
  const marker = newMarker();
  const limits = { mutants_max, seed, wall_ms, workers: MUTANTS_AT_ONCE };
  const ran = await on.run(["node", harnessScript("mutate")], {
    stdin: JSON.stringify({ marker, parser: on.tools.parser, program, tests, changed, ...limits }),
    readOnly: true,
    limits: mutationLimits(mutation),
  });
  const command = `${MUTATE} --mutants ${mutants_max} --seed ${seed}`;
  return mutantsResult(markedJson<MutationRun>(ran.stdout, marker), ran, { floor, command });
}
