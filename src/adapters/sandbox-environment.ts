import { lstat, realpath } from "node:fs/promises";
import { isAbsolute, normalize } from "node:path";
import { InputError } from "../domain/errors.ts";
import type { ProcessResult } from "../platform/process.ts";
import type { SandboxCommand, SandboxLimits, SandboxResult } from "../ports/sandbox.ts";

/** What a command may use when its caller asks for nothing else. */
export const DEFAULT_LIMITS: SandboxLimits = {
  wall_ms: 60_000,
  cpu_s: 120,
  memory_bytes: 2 * 1024 ** 3,
  processes: 128,
  file_bytes: 64 * 1024 ** 2,
  output_bytes: 64 * 1024,
};

/** Printed in all by one command; past it the command is killed. What is kept is `output_bytes`. */
export const FLOOD_BYTES = 64 * 1024 ** 2;

const SYSTEM_PATH = ["/usr/local/bin", "/usr/bin", "/bin"];
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** The whole environment of a command. `home` and `temporary` are paths as the command sees them. */
export function environmentOf(command: SandboxCommand, temporary: string): Record<string, string> {
  for (const [name, value] of Object.entries(command.env ?? {}))
    if (!VARIABLE.test(name) || value.includes("\0"))
      throw new InputError(`The sandbox can't set the variable ${JSON.stringify(name)}.`, { code: "sandbox_input" });
  return {
    LANG: "C.UTF-8",
    HOME: temporary,
    TMPDIR: temporary,
    ...command.env,
    PATH: [...(command.binPaths ?? []), ...SYSTEM_PATH].join(":"),
  };
}

/** The workspace's real path. Fails with InputError unless it is an absolute path of a folder and no symbolic link. */
export async function realWorkspace(workspace: string): Promise<string> {
  const entry = isAbsolute(workspace) ? await lstat(workspace).catch(() => null) : null;
  if (entry?.isDirectory()) return realpath(workspace);
  throw new InputError(`The sandbox's workspace ${JSON.stringify(workspace)} is not a folder of its own.`, {
    code: "sandbox_input",
    remedy: "Give the absolute path of a folder that is not a symbolic link.",
  });
}

/** A relative path without `..`, for a command's working folder. */
export function folderBelow(cwd: string | undefined): string {
  const path = normalize(cwd ?? ".");
  if (!isAbsolute(path) && path !== ".." && !path.startsWith("../") && !path.includes("\0")) return path;
  throw new InputError(`The working folder ${JSON.stringify(cwd)} is outside the workspace.`, {
    code: "sandbox_input",
  });
}

/**
 * The command behind a shell that sets its limits and replaces itself. Memory is address space of each process;
 * `processes` bounds the caller's processes in the user namespace and does not hold for root (see sandbox-cgroup.ts).
 */
export function limited(argv: string[], limits: SandboxLimits, options: { processes: boolean }): string[] {
  const set = (flags: string[], value: number): string =>
    flags.map((flag) => `ulimit ${flag} ${Math.max(1, Math.ceil(value))}`).join(" || ");
  const script = [
    "ulimit -c 0",
    set(["-t"], limits.cpu_s),
    set(["-f"], limits.file_bytes / 512), // POSIX: blocks of 512 bytes
    set(["-v"], limits.memory_bytes / 1024),
    ...(options.processes ? [set(["-u", "-p"], limits.processes)] : []), // bash calls it -u, dash and busybox -p
  ];
  // A limit that can't be set is one that the host holds lower already.
  const body = `{ ${script.join("; ")}; } 2>/dev/null; exec "$@"`;
  return ["/bin/sh", "-c", body, "sh", ...argv];
}

export function sandboxResult(result: ProcessResult): SandboxResult {
  return {
    exit_code: result.exit_code,
    signal: result.signal,
    stdout: result.stdout,
    stderr: result.stderr,
    limit: result.timed_out ? "wall_ms" : result.flooded ? "output_bytes" : null,
    duration_ms: result.duration_ms,
  };
}
