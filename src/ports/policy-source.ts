import type { PolicyContext, Violation } from "../domain/policy.ts";

/** The rule sets in force. Evaluation is pure, bounded and fails closed. */
export interface PolicySource {
  readonly constitution_hash: string;
  evaluate(
    context: PolicyContext,
    options: { threshold: number },
  ): { allowed: boolean; score: number; threshold: number; violations: Violation[] };
}
