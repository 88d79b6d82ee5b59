import { fileURLToPath } from "node:url";
import { randomUUID } from "node:crypto";
import { KamachiqError } from "../../domain/errors.ts";
import type { CheckResult } from "../../domain/review.ts";
import { excerpt, printable } from "../../platform/text.ts";
import type { Sandbox, SandboxLimits, SandboxResult } from "../../ports/sandbox.ts";

/** Scripts that run inside the sandbox: read-only there, outside the tree that they examine. */
export const HARNESS = fileURLToPath(new URL("harness", import.meta.url));
const EXCERPT_CHARACTERS = 6_000;
const COMMAND_CHARACTERS = 4_000;

/** The Python of the reviews: an environment with pytest, coverage, ruff and interrogate, apart from any project's. */
export interface ReviewPython {
  /** Absolute path of the environment's interpreter. */
  python: string;
  /** Folder of its programs, put first on PATH. */
  bin: string;
  /** Whatever must be visible inside the sandbox for it to run. */
  readOnlyPaths: string[];
}

/** One tree under examination. */
export interface Examination {
  sandbox: Sandbox;
  python: ReviewPython;
  tree: string;
  signal: AbortSignal | undefined;
  /** Folder on the host with launchers of the project's console entry points; made after the metadata was read. */
  launchers?: string;
  /** Absolute folder of the packages that the project's lock file names. */
  dependencies?: string | undefined;
}

export interface RunOptions {
  stdin?: string | undefined;
  limits?: Partial<SandboxLimits>;
  readOnly?: boolean;
}

/**
 * Runs a command in the tree, `python` being the review environment's, `src` and after it the project's dependencies
 * importable. Throws when aborted.
 */
export async function run(on: Examination, argv: string[], options: RunOptions = {}): Promise<SandboxResult> {
  const launchers = on.launchers === undefined ? [] : [on.launchers];
  const dependencies = on.dependencies === undefined ? [] : [on.dependencies];
  const result = await on.sandbox.run({
    argv,
    workspace: on.tree,
    readOnlyPaths: [...on.python.readOnlyPaths, HARNESS, ...dependencies, ...launchers],
    binPaths: [...launchers, on.python.bin],
    env: {
      PYTHONPATH: [`${on.sandbox.inside(on.tree)}/src`, ...dependencies].join(":"),
      PYTHONHASHSEED: "0",
      PYTHONDONTWRITEBYTECODE: "1",
      NO_COLOR: "1",
    },
    ...(options.stdin === undefined ? {} : { stdin: options.stdin }),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.readOnly === undefined ? {} : { readOnly: options.readOnly }),
    ...(on.signal === undefined ? {} : { signal: on.signal }),
  });
  on.signal?.throwIfAborted();
  return result;
}

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

/** Runs steps at most `width` at a time; results in the order of the steps. */
export async function pooled<T>(width: number, steps: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let at = next++; at < steps.length; at = next++) results[at] = await (steps[at] as () => Promise<T>)();
  };
  await Promise.all(Array.from({ length: Math.min(width, steps.length) }, lane));
  return results;
}
