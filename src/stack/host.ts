import { constants } from "node:fs";
import { access, readFile, stat } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import { type ProcessOptions, type ProcessResult, runProcess } from "../platform/process.ts";

export const isRoot = (): boolean => process.getuid?.() === 0;

/** Every executable of that name on PATH, in its order; relative folders of PATH are passed over. */
export async function findOnPath(name: string): Promise<string[]> {
  const folders = new Set((process.env["PATH"] ?? "").split(delimiter).filter(isAbsolute));
  const found = await Promise.all(
    [...folders].map(async (folder) => ((await isExecutable(join(folder, name))) ? join(folder, name) : null)),
  );
  return found.filter((path) => path !== null);
}

export async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** Compares `1.2.3` with a least version; what comes after the numbers does not count. */
export function isAtLeast(version: string, min: string): boolean {
  const [have, want] = [version, min].map((text) => text.split(".").map((part) => Number.parseInt(part, 10) || 0));
  for (const [index, least] of (want ?? []).entries()) {
    const part = have?.[index] ?? 0;
    if (part !== least) return part > least;
  }
  return true;
}

/** Would bend another program's Python or pip: where modules come from and where packages go. */
const PYTHON_BENDING =
  /^(PYTHON(PATH|HOME|STARTUP|PLATLIBDIR|EXECUTABLE|SAFEPATH|PYCACHEPREFIX)|__PYVENV_LAUNCHER__|VIRTUAL_ENV|PIP_(TARGET|PREFIX|ROOT|USER|PYTHON|REQUIRE_VIRTUALENV|DRY_RUN|REPORT|QUIET|VERBOSE|LOG|NO_BINARY|REQUIREMENT|CONSTRAINT))$/;

/** Our environment for tools that reach a network: proxies, certificates and mirrors are the user's; installation targets are ours. */
export function toolEnvironment(extra: Record<string, string> = {}): Record<string, string> {
  const entries = Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || PYTHON_BENDING.test(name) ? [] : [[name, value] as const],
  );
  return { ...Object.fromEntries(entries), ...extra };
}

/** Runs a tool; one that can't be started gives exit code null and the reason on `stderr`. */
export async function tool(argv: readonly string[], options: Partial<ProcessOptions> = {}): Promise<ProcessResult> {
  try {
    return await runProcess(argv, { env: toolEnvironment(), timeout_ms: 10_000, output_bytes: 50_000, ...options });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    const nothing = { stdout: "", signal: null, timed_out: false, truncated: false, duration_ms: 0 };
    return { ...nothing, exit_code: null, stderr: (error as Error).message } as ProcessResult;
  }
}

/** Why a tool failed, in one line. */
export function reason(result: ProcessResult): string {
  if (result.timed_out) return `it was stopped after ${Math.round(result.duration_ms / 1000)} s`;
  const lines = `${result.stdout}\n${result.stderr}`.split("\n").filter((line) => line.trim() !== "");
  const telling = lines.findLast((line) => /error|fatal|can't|cannot|not /i.test(line)) ?? lines.at(-1);
  return telling?.trim().slice(0, 300) ?? `exit code ${result.exit_code}`;
}

/** Time at which a process started, in a unit of its platform; null when there is no such process. Tells a process from a later one of the same id. */
export async function processStart(pid: number): Promise<string | null> {
  if (process.platform === "linux") {
    const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
    if (text === null) return null;
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" "); // the name before may hold anything
    if (fields[0] === "Z" || fields[0] === "X") return null; // dead, and not yet waited for
    return fields[19] ?? null; // field 22 of proc(5)
  }
  const result = await tool(["ps", "-o", "lstart=", "-p", String(pid)]);
  return result.exit_code === 0 && result.stdout.trim() !== "" ? result.stdout.trim() : null;
}

/** The command line of a process, arguments joined by blanks; empty when there is none. */
export async function commandLine(pid: number): Promise<string> {
  if (process.platform === "linux") {
    return (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).replaceAll("\0", " ").trim();
  }
  return (await tool(["ps", "-ww", "-o", "command=", "-p", String(pid)])).stdout.trim();
}

/** Arguments to put before a command that shall get `signal` from the kernel when we end; none where that can't be had. */
export async function signalledWithParent(signal: "INT" | "TERM"): Promise<string[]> {
  const [setpriv] = process.platform === "linux" ? await findOnPath("setpriv") : [];
  if (setpriv === undefined) return [];
  const argv = [setpriv, "--pdeathsig", signal, "--"];
  return (await tool([...argv, "/bin/sh", "-c", "exit 0"])).exit_code === 0 ? argv : []; // BusyBox's can't
}
