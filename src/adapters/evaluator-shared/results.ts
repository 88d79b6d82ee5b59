import { randomUUID } from "node:crypto";
import { KamachiqError } from "../../domain/errors.ts";
import type { CheckResult } from "../../domain/review.ts";
import { excerpt, printable } from "../../platform/text.ts";
import type { SandboxLimits, SandboxResult } from "../../ports/sandbox.ts";

const EXCERPT_CHARACTERS = 6_000;
const COMMAND_CHARACTERS = 4_000;

export interface RunOptions {
  stdin?: string | undefined;
  limits?: Partial<SandboxLimits>;
  readOnly?: boolean;
}

/** Runs a command in the tree under examination, with the stack's programs on PATH. Throws when aborted. */
export type Run = (argv: string[], options?: RunOptions) => Promise<SandboxResult>;

/** A line that only the harness can have written, since the marker is new for each run. */
export function newMarker(): string {
  return `kamachiq-${randomUUID()}:`;
}

/** The JSON behind the marker; null when the harness didn't get as far. */
export function markedJson<T>(stdout: string, marker: string): T | null {
  const at = stdout.lastIndexOf(marker);
  return at < 0 ? null : parsed<T>(stdout.slice(at + marker.length));
}

/** Output of a harness script that runs nothing of the tree. Fails when it is no JSON: that is our fault. */
export function harnessJson<T>(result: SandboxResult, script: string): T {
  const value = parsed<T>(result.stdout);
  if (value !== null) return value;
  const said = printable(excerpt(result.stderr, 2_000)) || `exit code ${result.exit_code}`;
  throw new KamachiqError(`The review's ${script} failed: ${said}`, { code: "review_tool_failed", retryable: true });
}

function parsed<T>(text: string): T | null {
  try {
    return JSON.parse(text) as T;
  } catch {
    return null;
  }
}

type Measured = Pick<CheckResult, "check" | "metric" | "passed" | "command" | "exit_code" | "duration_ms"> &
  Partial<CheckResult> & { output: string };

/** A check's result with everything bounded and printable. `value` is 1 or 0 unless given. */
export function checkResult({ output, ...result }: Measured): CheckResult {
  return {
    value: result.passed ? 1 : 0,
    veto: false,
    proves: [],
    held_out: false,
    counts: {},
    ...result,
    command: printable(result.command).slice(0, COMMAND_CHARACTERS),
    excerpt: excerpt(printable(output).trim(), EXCERPT_CHARACTERS),
  };
}

/** What a command printed, and the limit that ended it. */
export function outputOf({ stdout, stderr, limit }: SandboxResult): string {
  const ended = limit === null ? [] : [`Ended by the limit on ${limit === "wall_ms" ? "time" : "output"}.`];
  return [stdout, stderr, ...ended].filter((part) => part !== "").join("\n");
}
