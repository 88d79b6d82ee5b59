import { execFileSync } from "node:child_process";
import { expect } from "vitest";
import type { ProjectView } from "../../src/api/views.ts";
import type { KamachiqEvent } from "../../src/domain/events.ts";
import type { Kamachiq } from "./kamachiq.ts";

/** Counts of what must have happened once; `duplicates` lists what did not. */
export interface OnceReport {
  tasks: number;
  merges: number;
  settlements: number;
  duplicates: string[];
}

/** Looks at a finished project from outside: its log, its repository, its books. Fails on anything done twice or lost. */
export async function expectOnce(kamachiq: Kamachiq, projectId: string): Promise<OnceReport> {
  const events = await readLog(kamachiq, projectId);
  const view = await kamachiq.json<ProjectView>(["status", projectId]);
  const count = (key: (event: KamachiqEvent) => string | undefined): Map<string, number> => {
    const counts = new Map<string, number>();
    for (const event of events) {
      const name = key(event);
      if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
    return counts;
  };
  const once = count(({ type, subject, data }) => {
    const what = type.slice("kamachiq.execute.".length);
    if (type === "kamachiq.execute.task_produced" || type === "kamachiq.execute.task_merged") {
      return `${what} ${subject} ${JSON.stringify(data["attempt"])}`;
    }
    if (/task_(completed|failed|skipped)$/.test(type)) return `end ${subject}`;
    if (type.endsWith(".started") || type.startsWith("kamachiq.complete") || type === "kamachiq.govern.reported")
      return type;
    return undefined;
  });
  const repository = view.repository ?? "";
  const merges = git(repository, ["log", "--format=%(trailers:key=Kamachiq-Merge,valueonly)", "main"]);
  const duplicates = [
    ...[...once].filter(([, times]) => times > 1).map(([name, times]) => `${name}: ${times} times`),
    ...merges.filter((key, index) => merges.indexOf(key) !== index).map((key) => `merge ${key}`),
  ];
  const produced = events.filter(({ type }) => type === "kamachiq.execute.task_produced");
  type Usage = { input_tokens: number; output_tokens: number };
  const planned = events.findLast(({ type }) => type === "kamachiq.plan.decomposed")?.data["planning"];
  const usages = [...produced.map(({ data }) => data["usage"]), ...(planned === undefined ? [] : [planned])] as Usage[];
  const tokens = usages.reduce((sum, usage) => sum + usage.input_tokens + usage.output_tokens, 0);

  expect(duplicates).toEqual([]);
  expect(events.map((event) => event.sequence)).toEqual(events.map((_, index) => index + 1));
  expect(view.budget).toMatchObject({ reserved: 0, spent: tokens });
  expect(git(repository, ["worktree", "list"]).length).toBe(1);
  expect(git(repository, ["fsck", "--no-dangling"])).toEqual([]);
  return {
    tasks: [...once.keys()].filter((key) => key.startsWith("end ")).length,
    merges: merges.length,
    settlements: produced.length,
    duplicates,
  };
}

/** The whole event log, through the command line. */
export async function readLog(kamachiq: Kamachiq, projectId: string): Promise<KamachiqEvent[]> {
  const { stdout } = await kamachiq.run(["resume", projectId, "--json"]);
  const values = stdout.split("\n").filter((line) => line !== "");
  return values.map((line) => JSON.parse(line) as KamachiqEvent).filter((value) => "specversion" in value);
}

function git(repository: string, args: string[]): string[] {
  const output = execFileSync("git", ["-C", repository, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return output.split("\n").filter((line) => line.trim() !== "");
}
