import { join } from "node:path";
import { mkdirSync } from "node:fs";
import { destination, type Logger, pino } from "pino";

/** Log files of projects that are open at once; the one used longest ago is closed. */
const FILES_OPEN_MAX = 64;

export interface Logs {
  /** The process's own log. */
  server: Logger;
  /** A project's log: newline-delimited JSON in `projectLogPath`. */
  project(projectId: string): Logger;
}

export function projectLogPath(folder: string, projectId: string): string {
  return join(folder, "projects", `${projectId}.ndjson`);
}

/** Structured logs below `folder`: `server.log` and one file a project. Written at once, so that a kill loses no line. */
export function openLogs(folder: string, level: string): Logs {
  mkdirSync(join(folder, "projects"), { recursive: true, mode: 0o700 });
  const open = (path: string): { log: Logger; end: () => void } => {
    const file = destination({ dest: path, append: true, sync: true, mode: 0o600 });
    const log = pino({ level, base: { pid: process.pid }, timestamp: pino.stdTimeFunctions.isoTime }, file);
    return { log, end: () => file.end() };
  };
  const projects = new Map<string, { log: Logger; end: () => void }>();
  return {
    server: open(join(folder, "server.log")).log,
    project(projectId) {
      const known = projects.get(projectId) ?? open(projectLogPath(folder, projectId));
      projects.delete(projectId);
      projects.set(projectId, known); // now the newest
      const [oldest] = projects;
      if (projects.size > FILES_OPEN_MAX && oldest !== undefined) {
        oldest[1].end();
        projects.delete(oldest[0]);
      }
      return known.log;
    },
  };
}
