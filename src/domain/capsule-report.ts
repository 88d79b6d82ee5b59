/** What `capsule validate` found in a file. Id, version and digest are null where it can't be read. */
export interface CapsuleValidation {
  file: string;
  id: string | null;
  version: string | null;
  digest: string | null;
  /** Number of its cases for `capsule test`. */
  tests: number;
  /** `FILE:LINE: what is wrong`; empty: it is valid. */
  problems: string[];
}

/** A case that was delivered and graded. */
export interface CapsuleTestCase {
  name: string;
  /** What is wrong, one line each; empty: it passed. */
  problems: string[];
  /** Files that were delivered, by the scaffold and by the tasks. */
  files: number;
  checks: { check: string; passed: boolean; value: number; duration_ms: number }[];
  /** Stacks whose evaluator is not at hand, so that nothing of theirs was graded. */
  ungraded: string[];
  duration_ms: number;
}

export interface CapsuleTestReport {
  id: string;
  version: string;
  digest: string;
  passed: boolean;
  cases: CapsuleTestCase[];
}
