import { spawn } from "node:child_process";

/** How long the output of a command that ended may still be read, in milliseconds. */
const DRAIN_MS = 500;

export interface ProcessOptions {
  cwd?: string | undefined;
  /** The whole environment; nothing is inherited. */
  env?: Record<string, string> | undefined;
  stdin?: string | Uint8Array | undefined;
  /** Wall-clock limit in milliseconds; at it the whole process group is killed. */
  timeout_ms: number;
  /** Kept of each stream, in bytes: half from its start and half from its end. */
  output_bytes?: number;
  /** Printed in all, in bytes; past it the whole process group is killed. */
  flood_bytes?: number;
  signal?: AbortSignal | undefined;
  uid?: number;
  gid?: number;
}

export interface ProcessResult {
  /** Null when a signal ended it. */
  exit_code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
  timed_out: boolean;
  /** Killed because it printed more than `flood_bytes`. */
  flooded: boolean;
  truncated: boolean;
  duration_ms: number;
}

/** Keeps the first and the last half of a stream, so that 10 GB of output cost a few kilobytes. */
class BoundedOutput {
  private readonly half: number;
  private head = Buffer.alloc(0);
  private tail = Buffer.alloc(0);
  private dropped = 0;
  /** Bytes pushed so far. */
  seen = 0;

  constructor(limit: number) {
    this.half = Math.max(1, Math.floor(limit / 2));
  }

  push(chunk: Buffer): void {
    this.seen += chunk.length;
    const room = this.half - this.head.length;
    if (room > 0) {
      this.head = Buffer.concat([this.head, chunk.subarray(0, room)]);
      chunk = chunk.subarray(room);
    }
    if (chunk.length === 0) return;
    const joined = Buffer.concat([this.tail, chunk]);
    const over = Math.max(0, joined.length - this.half);
    this.dropped += over;
    this.tail = joined.subarray(over);
  }

  get truncated(): boolean {
    return this.dropped > 0;
  }

  text(): string {
    if (!this.truncated) return Buffer.concat([this.head, this.tail]).toString("utf8");
    return `${this.head.toString("utf8")}\n… ${this.dropped} bytes left out …\n${this.tail.toString("utf8")}`;
  }
}

/**
 * Runs a command in a process group of its own and kills the whole group at the time limit or when aborted.
 * Never throws for a command that ran; throws the spawn error (`ENOENT`, `EACCES`) when it could not start.
 */
export async function runProcess(argv: readonly string[], options: ProcessOptions): Promise<ProcessResult> {
  const [command, ...args] = argv;
  if (command === undefined) throw new TypeError("runProcess needs a command");
  options.signal?.throwIfAborted();
  const started = performance.now();
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? {},
    detached: true,
    stdio: [options.stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  });
  const stdout = new BoundedOutput(options.output_bytes ?? 1_000_000);
  const stderr = new BoundedOutput(options.output_bytes ?? 1_000_000);
  child.stdin?.on("error", () => {}); // the child may end before it has read everything
  child.stdin?.end(options.stdin);

  const killGroup = (): void => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // already gone
    }
  };
  let flooded = false;
  const take = (output: BoundedOutput, chunk: Buffer): void => {
    output.push(chunk);
    if (flooded || stdout.seen + stderr.seen <= (options.flood_bytes ?? Infinity)) return;
    flooded = true;
    killGroup();
  };
  child.stdout?.on("data", (chunk: Buffer) => take(stdout, chunk));
  child.stderr?.on("data", (chunk: Buffer) => take(stderr, chunk));
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup();
  }, options.timeout_ms);
  options.signal?.addEventListener("abort", killGroup, { once: true });
  let drain: NodeJS.Timeout | undefined;
  child.once("exit", () => {
    killGroup(); // what the command left behind in its group
    // A descendant that left the group may hold the pipes open for ever.
    drain = setTimeout(() => {
      child.stdout?.destroy();
      child.stderr?.destroy();
    }, DRAIN_MS);
  });
  try {
    const [exitCode, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, name) => resolve([code, name]));
    });
    return {
      exit_code: exitCode,
      signal,
      stdout: stdout.text(),
      stderr: stderr.text(),
      timed_out: timedOut,
      flooded,
      truncated: stdout.truncated || stderr.truncated,
      duration_ms: performance.now() - started,
    };
  } finally {
    clearTimeout(timer);
    clearTimeout(drain);
    options.signal?.removeEventListener("abort", killGroup);
  }
}
