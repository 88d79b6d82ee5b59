import { createPythonEvaluator } from "../adapters/evaluator-python.ts";
import type { ReviewPython } from "../adapters/evaluator-python/run.ts";
import type { Evaluator } from "../ports/evaluator.ts";
import type { Sandbox } from "../ports/sandbox.ts";

/** What evaluators grade with. They touch nothing of it before they grade. */
export interface ReviewTools {
  sandbox: Sandbox;
  python: ReviewPython;
}

/** An evaluator of every stack. */
export function createEvaluators(tools: ReviewTools): Evaluator[] {
  return [createPythonEvaluator(tools)];
}
