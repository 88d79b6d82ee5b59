import { createDocsEvaluator } from "../adapters/evaluator-docs.ts";
import { createPythonEvaluator } from "../adapters/evaluator-python.ts";
import type { ReviewPython } from "../adapters/evaluator-python/run.ts";
import { createTypeScriptEvaluator } from "../adapters/evaluator-typescript.ts";
import type { ReviewNode } from "../adapters/evaluator-typescript/run.ts";
import type { Evaluator } from "../ports/evaluator.ts";
import type { Sandbox } from "../ports/sandbox.ts";

/** What evaluators grade with. They touch nothing of it before they grade. */
export interface ReviewTools {
  sandbox: Sandbox;
  python: ReviewPython;
  node: ReviewNode;
}

/** An evaluator of every stack. */
export function createEvaluators({ sandbox, python, node }: ReviewTools): Evaluator[] {
  return [
    createPythonEvaluator({ sandbox, python }),
    createTypeScriptEvaluator({ sandbox, tools: node }),
    createDocsEvaluator({ sandbox, python }),
  ];
}
