import { rm, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { ComponentMissingError, KamachiqError } from "../domain/errors.ts";
import { type ProcessResult, runProcess } from "../platform/process.ts";
import { printable } from "../platform/text.ts";
import type { CommitInfo } from "../ports/source-control.ts";

const TIMEOUT_MS = 120_000;
const OUTPUT_BYTES = 24 * 1024 ** 2;
const LOCK_TRIES = 8;

/** Nothing of the host's or a user's configuration, and nothing that a repository could name to be run. */
const CONFIG = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.attributesFile=/dev/null",
  "core.autocrlf=false",
  "core.symlinks=true",
  "core.protectHFS=true",
  "core.protectNTFS=true",
  "core.quotePath=false",
  // What is acknowledged survives a power cut: objects before references, one flush a batch of objects.
  "core.fsync=committed,reference",
  "core.fsyncMethod=batch",
  "fastimport.unpackLimit=1",
  "safe.bareRepository=explicit",
  "protocol.allow=never",
  "gc.auto=0",
  "maintenance.auto=false",
  "commit.gpgSign=false",
  "tag.gpgSign=false",
  "user.useConfigOnly=true",
].flatMap((setting) => ["-c", setting]);

const ENVIRONMENT = {
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  GIT_OPTIONAL_LOCKS: "0",
  GIT_NO_REPLACE_OBJECTS: "1",
  GIT_LITERAL_PATHSPECS: "1",
  LC_ALL: "C",
  TZ: "UTC",
  HOME: "/nonexistent",
};

const LOCKED = /Unable to create '(?<path>[^']+\.lock)': File exists/;
const STORAGE =
  /No space left on device|Out of diskspace|write error|unable to write|Permission denied|Read-only file system|Disk quota exceeded|Input\/output error/i;

export interface GitOptions {
  /** Absolute path of the bare repository, or of a worktree's folder in it. Never discovered. */
  gitDir: string;
  workTree?: string;
  env?: Record<string, string>;
  stdin?: string | Uint8Array;
  /** Exit codes that are answers, besides 0. */
  accept?: number[];
}

/** Runs git on one repository. Waits for locks of others; fails with a KamachiqError that names the folder. */
export async function git(args: string[], options: GitOptions): Promise<ProcessResult> {
  for (let tries = 1; ; tries += 1) {
    const result = await runOnce(args, options);
    if (result.exit_code !== null && [0, ...(options.accept ?? [])].includes(result.exit_code)) return result;
    if (tries >= LOCK_TRIES || !LOCKED.test(result.stderr)) throw failure(args, options, result);
    await removeStaleLock(LOCKED.exec(result.stderr)?.groups?.["path"], options.gitDir);
    await sleep(5 * 2 ** tries);
  }
}

/** A lock older than any command of ours may run was left by a process that was killed. */
async function removeStaleLock(path: string | undefined, gitDir: string): Promise<void> {
  if (path === undefined || !path.startsWith(`${gitDir}/`)) return;
  const lock = await stat(path).catch(() => null);
  if (lock !== null && Date.now() - lock.mtimeMs > TIMEOUT_MS) await rm(path, { force: true });
}

async function runOnce(args: string[], { gitDir, workTree, env, stdin }: GitOptions): Promise<ProcessResult> {
  const tree = workTree === undefined ? [] : [`--work-tree=${workTree}`];
  try {
    const result = await runProcess(["git", ...CONFIG, `--git-dir=${gitDir}`, ...tree, ...args], {
      cwd: workTree ?? "/",
      env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", ...ENVIRONMENT, ...env },
      stdin,
      timeout_ms: TIMEOUT_MS,
      output_bytes: OUTPUT_BYTES,
    });
    if (!result.truncated) return result;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new ComponentMissingError(
      "git",
      "git can't be started.",
      "Install git 2.38 or newer and put it on PATH.",
      error,
    );
  }
  throw new KamachiqError(`git ${args[0] ?? ""} answered more than ${OUTPUT_BYTES} bytes.`, { code: "git_too_large" });
}

function failure(args: string[], { gitDir, workTree }: GitOptions, result: ProcessResult): KamachiqError {
  const said =
    printable(result.stderr).trim().slice(-2_000) || (result.timed_out ? "it took too long" : "it was killed");
  if (STORAGE.test(said)) return storageError(workTree ?? gitDir, said);
  return new KamachiqError(`git ${args[0] ?? ""} failed in ${gitDir}: ${said}`, {
    code: "git_failed",
    retryable: LOCKED.test(said) || result.timed_out,
  });
}

/** A folder that can't be written: disk full, rights, read-only. It may pass, so the step is tried again. */
export function storageError(folder: string, reason: string, cause?: unknown): KamachiqError {
  return new KamachiqError(`${folder} can't be written: ${reason}`, {
    code: "storage_failed",
    remedy: `Free space, or make ${folder} writable; the work goes on by itself.`,
    retryable: true,
    status: 507,
    cause,
  });
}

/** Turns an error of the file system into one that names the folder. */
export async function inFolder<T>(folder: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!["ENOSPC", "EACCES", "EPERM", "EROFS", "EDQUOT", "EIO", "ENOTDIR", "EEXIST"].includes(code ?? "")) throw error;
    throw storageError(folder, message, error);
  }
}

/** Author, committer and dates, all from `info`: the same step makes the same commit. */
export function identity({ author, date }: CommitInfo): Record<string, string> {
  const when = `${epochSeconds(date)} +0000`;
  return {
    GIT_AUTHOR_NAME: author.name,
    GIT_AUTHOR_EMAIL: author.email,
    GIT_AUTHOR_DATE: when,
    GIT_COMMITTER_NAME: author.name,
    GIT_COMMITTER_EMAIL: author.email,
    GIT_COMMITTER_DATE: when,
  };
}

export function epochSeconds(date: string): number {
  const milliseconds = Date.parse(date);
  if (Number.isNaN(milliseconds)) throw new TypeError(`${date} is no ISO 8601 date`);
  return Math.floor(milliseconds / 1_000);
}

/** Subject and trailers, each on one line, so that no value can add a trailer of its own. */
export function messageOf({ subject, trailers }: CommitInfo): string {
  const lines = Object.entries(trailers).map(([key, value]) => `${key}: ${oneLine(value)}`);
  return [oneLine(subject), ...(lines.length === 0 ? [] : ["", ...lines]), ""].join("\n");
}

function oneLine(text: string): string {
  return printable(text).replaceAll(/\s+/g, " ").trim();
}

/** The entries of a NUL-terminated list. */
export function nulList(text: string): string[] {
  return text.split("\0").filter((entry) => entry !== "");
}
