import type { CommandCheck } from "../domain/intake.ts";
import type { CheckResult } from "../domain/review.ts";

export interface EvaluationRequest {
  /** A folder with the tree to grade. The evaluator may write to it; it is thrown away afterwards. */
  tree: string;
  /** Names of the stack's own checks to run, in any order. */
  checks: string[];
  /** Capsule probes to run, with the criteria that each proves. */
  probes: (CommandCheck & { proves: string[] })[];
  /** The spec's held-out checks. */
  acceptance: CommandCheck[];
  /** Paths that changed, relative to the tree; mutants are drawn from them first. Empty: everything. */
  changed: string[];
  /** Absolute folders of what the project's lock files name: importable packages, a `node_modules`. */
  dependencies: { python?: string; node?: string };
  mutation: { mutants_max: number; floor: number; seed: number; wall_ms: number };
  signal?: AbortSignal | undefined;
}

/** Grades one stack by running commands in the sandbox. */
export interface Evaluator {
  readonly stack: string;
  /** The stack's own checks, each with what it measures. */
  readonly checks: readonly string[];
  /** Which of `checks` must pass on a merged tip that has these files, before the branch moves to it. */
  mergeChecks(files: string[]): string[];
  detect(files: string[]): boolean;
  evaluate(request: EvaluationRequest): Promise<CheckResult[]>;
}
