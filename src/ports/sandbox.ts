/** A command to run where it can harm nothing. */
export interface SandboxCommand {
  argv: string[];
  /** Absolute path on the host, visible inside at `/workspace`; the only thing that may be written. */
  workspace: string;
  /** Path below `/workspace` to start in. */
  cwd?: string;
  /** Absolute host paths visible read-only at the same path, e.g. the review environment. */
  readOnlyPaths?: string[];
  /** Put in front of the sandbox's PATH. */
  binPaths?: string[];
  /** The whole environment, besides PATH, HOME, LANG and TMPDIR. */
  env?: Record<string, string>;
  /** At most 1 MB. */
  stdin?: string;
  /** The workspace can't be written either. */
  readOnly?: boolean;
  limits?: Partial<SandboxLimits>;
  signal?: AbortSignal;
}

export interface SandboxLimits {
  wall_ms: number;
  cpu_s: number;
  memory_bytes: number;
  processes: number;
  /** Largest file that may be written, in bytes. */
  file_bytes: number;
  /** Kept of each stream, in bytes, half from its start and half from its end. */
  output_bytes: number;
}

export interface SandboxResult {
  /** Null when a signal or a limit ended it. */
  exit_code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
  /** The limit that ended it, if one did. */
  limit: "wall_ms" | "output_bytes" | null;
  duration_ms: number;
}

export interface Sandbox {
  /** Recorded in every report. */
  readonly kind: "bubblewrap" | "none";
  /** Where a command sees its workspace, given as an absolute host path. */
  inside(workspace: string): string;
  /** Fails with ComponentMissingError when this machine can't run it. */
  check(): Promise<void>;
  run(command: SandboxCommand): Promise<SandboxResult>;
}
