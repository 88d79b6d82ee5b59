import { KamachiqError } from "../domain/errors.ts";
import { printable } from "../platform/text.ts";
import type { Output } from "./deps.ts";
import { EXIT } from "./exit-code.ts";

/** The user pressed Ctrl-C before anything was left running. */
export class InterruptedError extends KamachiqError {
  constructor() {
    super("Interrupted.", { code: "interrupted", exit_code: EXIT.interrupted });
  }
}

/** The members of RFC 9457 problem details that we use. */
export interface ProblemDetails {
  status: number;
  detail: string;
  code: string;
  remedy?: string | undefined;
  problems?: string[] | undefined;
  retryable?: boolean | undefined;
}

/** A problem that a server sent, as the error that it was there. */
export function fromProblem(problem: ProblemDetails): KamachiqError {
  const { status, detail, code, remedy, problems, retryable = false } = problem;
  const exit_code = code === "policy_denied" ? EXIT.blocked : status >= 400 && status < 500 ? EXIT.usage : EXIT.failed;
  return new KamachiqError(detail, { code, remedy, problems, retryable, status, exit_code });
}

export function asKamachiqError(error: unknown): KamachiqError {
  if (error instanceof KamachiqError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new KamachiqError(message, { code: "internal", cause: error });
}

/** `error: message`, a line a problem, then the way out. */
export function errorText(error: KamachiqError): string {
  const lines = [
    `error: ${error.message}`,
    ...error.problems.map((problem) => `  ${problem}`),
    ...(error.remedy === undefined ? [] : [`→ ${error.remedy}`]),
  ];
  return `${printable(lines.join("\n"))}\n`;
}

/** For people on stderr; for programs as one JSON document on stdout. */
export function reportError(error: KamachiqError, json: boolean, out: { stdout: Output; stderr: Output }): void {
  if (!json) {
    out.stderr.write(errorText(error));
    return;
  }
  const { status, code, message, remedy, problems, exit_code } = error;
  const type = `urn:kamachiq:problem:${code}`;
  out.stdout.write(
    `${JSON.stringify({ type, title: code.replaceAll("_", " "), status, detail: message, code, remedy, problems, exit_code })}\n`,
  );
}
