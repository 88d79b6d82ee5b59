import { open } from "node:fs/promises";
import { join } from "node:path";
import { z } from "@hono/zod-openapi";

/** One line of a project's log as pino wrote it: `level`, `time`, `msg`, and what belongs to it. */
export const LogLine = z.record(z.string(), z.unknown()).openapi("LogLine");
export type LogLine = z.infer<typeof LogLine>;

export interface LogPage {
  lines: LogLine[];
  /** Cursor to read on from. */
  next: number;
  /** Whether more is there already. */
  more: boolean;
}

export interface LogSource {
  /** Reads on from a cursor, 0 for the beginning. A project without a log has no lines. */
  read(projectId: string, options: { after: number; limit: number }): Promise<LogPage>;
}

const CHUNK_BYTES = 1_000_000;

/** Logs as one file a project, `FOLDER/ID.ndjson`. The cursor is an offset in bytes; a line that is being written waits. */
export function createLogFiles(folder: string): LogSource {
  return {
    async read(projectId, { after, limit }) {
      const chunk = await readChunk(join(folder, `${projectId}.ndjson`), after);
      const lines: LogLine[] = [];
      let position = 0;
      while (lines.length < limit) {
        const end = chunk.indexOf(10, position);
        if (end === -1) break;
        const line = parseLine(chunk.toString("utf8", position, end));
        if (line !== undefined) lines.push(line);
        position = end + 1;
      }
      // A line longer than a chunk is skipped, for it would never fit.
      if (position === 0 && chunk.length === CHUNK_BYTES) position = chunk.length;
      return {
        lines,
        next: after + position,
        more: chunk.indexOf(10, position) !== -1 || chunk.length === CHUNK_BYTES,
      };
    },
  };
}

async function readChunk(path: string, offset: number): Promise<Buffer> {
  try {
    await using file = await open(path, "r");
    const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, offset);
    return buffer.subarray(0, bytesRead);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
}

function parseLine(text: string): LogLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as LogLine) : undefined;
  } catch {
    return undefined; // cut off by a crash
  }
}
