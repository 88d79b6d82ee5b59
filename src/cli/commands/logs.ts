import { setTimeout as sleep } from "node:timers/promises";
import type { LogPage } from "../../api/log-files.ts";
import type { ProjectView } from "../../api/views.ts";
import { type ApiClient, UnreachableError } from "../api-client.ts";
import { EXIT } from "../exit-code.ts";
import type { Session } from "../session.ts";
import { printable } from "../../platform/text.ts";
import { latestProject } from "../projects.ts";

const PAGE = 1_000;
const POLL_MS = 500;
const LEVELS: Record<number, string> = { 10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal" };
/** Members that stand elsewhere in a line, or say the same in all of them. */
const LEFT_OUT = new Set(["level", "time", "msg", "pid", "hostname", "project"]);

/** `logs`: what the server wrote about a project; with `follow` until the project ends. Programs get the lines as they are. */
export async function logs(session: Session, id: string | undefined, options: { follow?: boolean }): Promise<number> {
  let client = await session.connect();
  const project = id ?? (await latestProject(client)).id;
  const path = `/v1/projects/${encodeURIComponent(project)}`;
  const { interrupt } = session.deps;
  let after = 0;
  if (options.follow === true) session.handlesInterrupt = true;
  while (!interrupt.aborted) {
    try {
      // Asked before reading: what was written until the end is then read for certain.
      const ended = options.follow !== true || (await hasEnded(client, path));
      const { lines, next, more } = await client.get<LogPage>(`${path}/logs`, { after, limit: PAGE });
      for (const line of lines) session.stdout.write(session.json ? `${JSON.stringify(line)}\n` : `${logText(line)}\n`);
      after = next;
      if (more) continue;
      if (ended) return EXIT.delivered;
    } catch (error) {
      if (options.follow !== true || !(error instanceof UnreachableError)) throw error;
      client = await session.reconnect();
    }
    await sleep(POLL_MS, undefined, { signal: interrupt }).catch(() => {});
  }
  return EXIT.interrupted;
}

async function hasEnded(client: ApiClient, path: string): Promise<boolean> {
  return (await client.get<ProjectView>(path)).finished_at !== null;
}

function logText(line: Record<string, unknown>): string {
  const { level, time, msg } = line;
  const date = new Date(typeof time === "number" || typeof time === "string" ? time : NaN);
  const clock = Number.isNaN(date.getTime()) ? valueText(time) : date.toISOString().slice(11, 23);
  const name = typeof level === "number" ? (LEVELS[level] ?? String(level)) : valueText(level);
  const rest = Object.entries(line)
    .filter(([member]) => !LEFT_OUT.has(member))
    .map(([member, value]) => `${member}=${valueText(value)}`);
  return printable([clock, name.padEnd(5), valueText(msg), ...rest].join("  ")).replaceAll("\n", " ");
}

function valueText(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
