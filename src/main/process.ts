import { toKamachiqError, toProblem } from "../api/problem.ts";

/**
 * Runs the body of a process until it ends by itself or SIGTERM or SIGINT asks it to. A failure is one line of JSON, a
 * problem, on stderr, so that whoever started the process can tell what went wrong.
 */
export async function runAsProcess(body: (stop: AbortController) => Promise<void>): Promise<never> {
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort());
  try {
    await body(stop);
    return process.exit(0);
  } catch (thrown) {
    const error = toKamachiqError(thrown);
    if (error.status >= 500) console.error(thrown);
    console.error(JSON.stringify(toProblem(error)));
    return process.exit(error.exit_code);
  }
}
