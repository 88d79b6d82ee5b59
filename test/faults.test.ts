// Kills the real processes at every stage of a real run, then looks from outside whether anything was lost or done twice.
import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, it } from "vitest";
import type { KamachiqEvent } from "../src/domain/events.ts";
import { STAGES } from "../src/domain/intake.ts";
import { collect, Kamachiq, type Outcome, parseRun, untilEvent } from "./support/kamachiq.ts";
import { expectOnce } from "./support/once.ts";

const kamachiq = await Kamachiq.create();
afterAll(() => kamachiq.dispose());

/** A small calculator, new for each case: an unfinished one of the same spec would be taken up. */
async function spec(name: string): Promise<string> {
  return kamachiq.file(
    `${name}.yaml`,
    `name: ${name}
goals: [Create Python CLI calculator]
parameters: { package: ${name.replaceAll("-", "_")}, command: ${name}, operations: [add, divide] }
budget: { tokens: 200000 }
`,
  );
}

const SERVER = /main\/server\.ts/;

async function until<T>(find: () => T | undefined): Promise<T> {
  for (;;) {
    const found = find();
    if (found !== undefined) return found;
    await sleep(20);
  }
}

/** Processes of this test's stack by their command lines, which name its state folder. */
function processes(pattern: RegExp): number[] {
  const rows = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" }).split("\n");
  return rows.filter((row) => row.includes(kamachiq.home) && pattern.test(row)).map((row) => Number.parseInt(row, 10));
}

function kill(pids: number[]): void {
  expect(pids.length).toBeGreaterThan(0);
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // ended by itself, or with its parent
    }
  }
}

const stageOf = (event: KamachiqEvent): string | undefined => event.type.split(".")[1];
const starts = (stage: string) => (event: KamachiqEvent) => {
  return stageOf(event) === stage && /\.(started|accepted)$/.test(event.type);
};

async function finished(outcome: Outcome): Promise<void> {
  const { result } = parseRun(outcome.stdout);
  expect(outcome.code, outcome.stderr + outcome.stdout.split("\n").slice(-3).join("\n")).toBe(0);
  expect(result?.state).toBe("delivered");
  await expectOnce(kamachiq, result?.project_id ?? "");
}

describe.each(STAGES)("the worker is killed as %s begins", (stage) => {
  it("finishes with nothing lost and nothing done twice", async () => {
    const child = kamachiq.start(["run", await spec(`kill-${stage}`), "--json"]);
    const outcome = collect(child);
    await untilEvent(child, starts(stage));
    kill(processes(SERVER));
    await finished(await outcome);
  });
});

describe("the server dies again while it starts", () => {
  it("is started once more and the run goes on", async () => {
    const child = kamachiq.start(["run", await spec("kill-again"), "--json"]);
    const outcome = collect(child);
    await untilEvent(child, starts("execute"));
    const [killed] = processes(SERVER);
    kill(processes(SERVER));
    const started = await until(() => processes(SERVER).find((pid) => pid !== killed));
    kill([started]);
    const { stderr } = await outcome;
    expect(stderr).toContain("(2 of 5)");
    await finished(await outcome);
  });
});

describe("a component dies in the middle of the work", () => {
  it.each([
    ["temporal", /temporal(\.db| server)/],
    ["postgres", /postgres -D/],
  ])("%s: it comes back and the run goes on", async (name, pattern) => {
    const child = kamachiq.start(["run", await spec(`kill-${name}`), "--json"]);
    const outcome = collect(child);
    await untilEvent(child, (event) => event.type === "kamachiq.execute.task_produced");
    kill(processes(pattern));
    await finished(await outcome);
  });
});

describe("everything is killed at once", () => {
  it.each(["execute", "review"])("in %s: the same command takes the project up and finishes it", async (stage) => {
    const args = ["run", await spec(`kill-all-${stage}`), "--json"];
    const child = kamachiq.start(args);
    const first = collect(child);
    const event = await untilEvent(child, starts(stage));
    child.kill("SIGKILL");
    kill(processes(/./));
    await first;
    const again = await kamachiq.run(args);
    expect(parseRun(again.stdout).result?.project_id, again.stderr).toBe(event.project);
    await finished(again);
  });
});
