import type { CommandCheck, Expectation } from "../../domain/intake.ts";
import type { CheckResult } from "../../domain/review.ts";
import type { SandboxResult } from "../../ports/sandbox.ts";
import { checkResult, outputOf, type Run } from "./results.ts";

export const COMMAND_WALL_MS = 20_000;

/** Runs a probe or an acceptance check: a command with a known answer, in a sandbox of its own. */
export async function commandCheck(
  run: Run,
  check: CommandCheck,
  how: { proves: string[]; heldOut: boolean },
): Promise<CheckResult> {
  const result = await run(check.run, { stdin: check.stdin ?? "", limits: { wall_ms: COMMAND_WALL_MS } });
  const differences = differencesOf(result, check.expect);
  return checkResult({
    check: check.id,
    text: check.text,
    metric: "correctness",
    veto: how.heldOut,
    held_out: how.heldOut,
    passed: differences.length === 0,
    proves: how.proves,
    command: check.run.map(quoted).join(" "),
    exit_code: result.exit_code,
    duration_ms: result.duration_ms,
    output: [...differences, outputOf(result)].join("\n"),
  });
}

function differencesOf(result: SandboxResult, expected: Expectation): string[] {
  const differences: string[] = [];
  if (result.exit_code !== expected.exit_code)
    differences.push(`Expected exit code ${expected.exit_code}, got ${result.exit_code ?? result.signal}.`);
  if (expected.stdout !== undefined && result.stdout.trimEnd() !== expected.stdout.trimEnd())
    differences.push(`Expected on standard output: ${JSON.stringify(expected.stdout)}.`);
  if (expected.stdout_contains !== undefined && !result.stdout.includes(expected.stdout_contains))
    differences.push(`Expected standard output to contain ${JSON.stringify(expected.stdout_contains)}.`);
  if (expected.stderr_contains !== undefined && !result.stderr.includes(expected.stderr_contains))
    differences.push(`Expected standard error to contain ${JSON.stringify(expected.stderr_contains)}.`);
  return differences;
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
