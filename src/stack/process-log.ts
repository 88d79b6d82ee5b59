import { closeSync, fstatSync, openSync, readSync, renameSync, statSync, truncateSync } from "node:fs";

/** At a start, a log that is larger than this becomes `<log>.1`, in place of the one before. */
const ROTATE_BYTES = 5_000_000;
/** A running process can't be given another file, so its log is emptied when it passes this. */
const RUNNING_BYTES_MAX = 50_000_000;
const CHECK_MS = 30_000;

/** Opens a log for a process to append to, readable by its owner only. The caller closes the descriptor. */
export function openProcessLog(path: string): number {
  if (sizeOf(path) > ROTATE_BYTES) renameSync(path, `${path}.1`);
  return openSync(path, "a", 0o600);
}

/** Keeps the log of a running process bounded until the returned function is called. */
export function boundProcessLog(path: string): () => void {
  const timer = setInterval(() => {
    if (sizeOf(path) > RUNNING_BYTES_MAX) truncateSync(path);
  }, CHECK_MS);
  timer.unref();
  return () => clearInterval(timer);
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** The last lines of a log, for an error message. */
export function tailOf(path: string, lines: number): string[] {
  const buffer = Buffer.alloc(8_192);
  try {
    const file = openSync(path, "r");
    try {
      const { size } = fstatSync(file);
      const read = readSync(file, buffer, 0, buffer.length, Math.max(0, size - buffer.length));
      const text = buffer.toString("utf8", 0, read);
      return text
        .split("\n")
        .filter((line) => line.trim() !== "")
        .slice(-lines);
    } finally {
      closeSync(file);
    }
  } catch {
    return [];
  }
}
