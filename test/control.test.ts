// An operator stops, holds and continues a project that is at work.
import { execFileSync } from "node:child_process";
import { afterAll, describe, expect, it } from "vitest";
import type { ProjectView } from "../src/api/views.ts";
import { collect, Kamachiq, parseRun, untilEvent } from "./support/kamachiq.ts";
import { expectOnce } from "./support/once.ts";

const kamachiq = await Kamachiq.create();
afterAll(() => kamachiq.dispose());

const spec = (name: string): Promise<string> =>
  kamachiq.file(
    `${name}.yaml`,
    `name: ${name}
goals: [Create Python CLI calculator]
parameters: { package: ${name}, command: ${name}, operations: [add] }
budget: { tokens: 200000 }
`,
  );

/** Starts a run and returns once its first task has produced something. */
async function atWork(name: string) {
  const child = kamachiq.start(["run", await spec(name), "--json"]);
  const outcome = collect(child);
  const event = await untilEvent(child, ({ type }) => type === "kamachiq.execute.task_produced");
  return { child, outcome, id: event.project };
}

describe("a project at work", () => {
  it("is cancelled: agents stop, nothing stays reserved or lies about, reports say so", async () => {
    const { outcome, id } = await atWork("cancelled");
    const cancel = await kamachiq.run(["cancel", id, "--reason", "changed my mind"]);
    expect(cancel.code, cancel.stderr).toBe(0);
    const end = await outcome;
    expect(end.code).toBe(1);
    expect(parseRun(end.stdout).result).toMatchObject({ state: "cancelled", try_command: null });
    const view = await kamachiq.json<ProjectView>(["status", id]);
    expect(view.reason).toContain("changed my mind");
    expect(view.budget.reserved).toBe(0);
    const worktrees = execFileSync("git", ["-C", view.repository ?? "", "worktree", "list"], { encoding: "utf8" });
    expect(worktrees.trim().split("\n").length).toBe(1);
  });

  it("is paused: what runs ends, nothing new starts; and resumed to its end", async () => {
    const { outcome, id } = await atWork("paused");
    expect((await kamachiq.run(["pause", id])).code).toBe(0);
    expect((await outcome).code).toBe(3);
    expect((await kamachiq.json<ProjectView>(["status", id])).state).toBe("paused");
    const end = await kamachiq.run(["resume", id, "--json"]);
    expect(end.code, end.stderr).toBe(0);
    await expectOnce(kamachiq, id);
  });

  it("goes on by itself after Ctrl-C, which says so", async () => {
    const { child, outcome, id } = await atWork("detached");
    child.kill("SIGINT");
    const detached = await outcome;
    expect(detached.code).toBe(130);
    expect(detached.stderr).toContain(`kamachiq resume ${id}`);
    const end = await kamachiq.run(["resume", id, "--json"]);
    expect(end.code, end.stderr).toBe(0);
    await expectOnce(kamachiq, id);
  });
});
