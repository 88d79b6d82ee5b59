import type { PolicyContext, Verdict } from "../domain/policy.ts";

/** The rule sets in force. Evaluation is pure, bounded and fails closed. */
export interface PolicySource {
  readonly constitution_hash: string;
  evaluate(context: PolicyContext, options: { threshold: number }): Verdict;
}
