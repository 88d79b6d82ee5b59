import type { CheckResult } from "../../domain/review.ts";
import type { EvaluationRequest } from "../../ports/evaluator.ts";
import { commandCheck } from "./command-check.ts";
import { mutantsNotRun } from "./mutation-results.ts";
import type { Run } from "./results.ts";
import { changedFiles, digestsOf, tamperedCheck } from "./tampering.ts";

/** Sandboxes at once. */
const WIDTH = 2;

/** What a stack does with one tree. */
export interface StackExamination<Check extends string> {
  run: Run;
  /** The stack's own checks that are wanted, each as a step; what runs nothing of the tree comes first. */
  steps(wanted: (check: Check) => boolean): (() => Promise<CheckResult[]>)[];
  mutants: { command: string; check(): Promise<CheckResult> };
}

/**
 * Runs the stack's checks, the probes and the held-out checks, two at a time; mutants last, and only when the tests
 * pass. Results in the order of the request, and with `unchanged` where the tree is not what it was before.
 */
export async function examine<Check extends string>(
  request: EvaluationRequest,
  stack: StackExamination<Check>,
): Promise<CheckResult[]> {
  const before = await digestsOf(request.tree);
  const asked = new Set<string>(request.checks);
  const steps: (() => Promise<CheckResult[]>)[] = [
    ...stack.steps((check) => asked.has(check)),
    ...request.probes.map((probe) => async () => [
      await commandCheck(stack.run, probe, { proves: probe.proves, heldOut: false }),
    ]),
    ...request.acceptance.map((check) => async () => [
      await commandCheck(stack.run, check, { proves: [], heldOut: true }),
    ]),
  ];
  const results = (await pooled(WIDTH, steps)).flat();
  if (asked.has("mutants")) {
    const green = results.some(({ check, text, passed }) => check === "tests" && text === undefined && passed);
    results.push(green ? await stack.mutants.check() : mutantsNotRun(stack.mutants.command));
  }
  const changed = changedFiles(before, await digestsOf(request.tree));
  if (changed.length > 0) results.push(tamperedCheck(changed));
  return results.filter(({ check, text }) => text !== undefined || asked.has(check) || check === "unchanged");
}

/** Runs steps at most `width` at a time; results in the order of the steps. */
async function pooled<T>(width: number, steps: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let at = next++; at < steps.length; at = next++) results[at] = await (steps[at] as () => Promise<T>)();
  };
  await Promise.all(Array.from({ length: Math.min(width, steps.length) }, lane));
  return results;
}
