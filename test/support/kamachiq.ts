import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { KamachiqEvent } from "../../src/domain/events.ts";
import type { ProjectResult } from "../../src/domain/result.ts";
import { readServerInfo } from "../../src/stack/server-info.ts";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** The command line in a state folder of its own, as a user has it. */
export class Kamachiq {
  readonly home: string;
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.home = join(folder, "home");
  }

  static async create(): Promise<Kamachiq> {
    return new Kamachiq(await mkdtemp(join(tmpdir(), "kamachiq-test-")));
  }

  start(args: string[], env: Record<string, string> = {}): ChildProcess {
    return spawn(join(ROOT, "kamachiq"), args, {
      cwd: ROOT,
      env: { ...process.env, KAMACHIQ_HOME: this.home, NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  async run(args: string[], env: Record<string, string> = {}): Promise<Outcome> {
    return collect(this.start(args, env));
  }

  /** `kamachiq … --json` whose output is one document. */
  async json<T>(args: string[]): Promise<T> {
    const outcome = await this.run([...args, "--json"]);
    if (outcome.stdout.trim() === "") throw new Error(`no output of ${args.join(" ")}: ${outcome.stderr}`);
    return JSON.parse(outcome.stdout) as T;
  }

  /** Writes a file beside the state folder and returns its path. */
  async file(name: string, text: string | Uint8Array): Promise<string> {
    const path = join(this.folder, name);
    await writeFile(path, text);
    return path;
  }

  /** Process id of the running server, or null. */
  async serverPid(): Promise<number | null> {
    const info = await readServerInfo(this.home);
    if (info === null || !alive(info.pid)) return null;
    return info.pid;
  }

  async dispose(): Promise<void> {
    await this.run(["down"]);
    await rm(this.folder, { recursive: true, force: true });
  }
}

export async function collect(child: ChildProcess): Promise<Outcome> {
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
}

/** Resolves with the first event of `kamachiq run --json` that `wanted` accepts. */
export function untilEvent(child: ChildProcess, wanted: (event: KamachiqEvent) => boolean): Promise<KamachiqEvent> {
  return new Promise((resolve, reject) => {
    if (child.stdout === null) throw new Error("no output to read");
    createInterface({ input: child.stdout }).on("line", (line) => {
      const value = JSON.parse(line) as KamachiqEvent | object;
      if ("specversion" in value && wanted(value)) resolve(value);
    });
    child.once("close", () => reject(new Error("the run ended before the event came")));
  });
}

export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** What `kamachiq run --json` printed: events, then the result. */
export function parseRun(stdout: string): { events: KamachiqEvent[]; result: ProjectResult | undefined } {
  const values = stdout
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line) as KamachiqEvent | { result: ProjectResult });
  return {
    events: values.filter((value): value is KamachiqEvent => "specversion" in value),
    result: values.find((value): value is { result: ProjectResult } => "result" in value)?.result,
  };
}
