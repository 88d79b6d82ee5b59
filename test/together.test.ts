// Two runs at once: in one state folder they share a stack, in two folders nothing collides. A worker may join.
import { afterAll, describe, expect, it } from "vitest";
import { collect, Kamachiq, type Outcome, parseRun } from "./support/kamachiq.ts";
import { expectOnce } from "./support/once.ts";

const first = await Kamachiq.create();
const second = await Kamachiq.create();
afterAll(() => Promise.all([first.dispose(), second.dispose()]));

const spec = (operation: string) => `name: ${operation}-cli
goals: [Create Python CLI calculator]
parameters: { package: ${operation}_cli, command: ${operation}-cli, operations: [${operation}] }
budget: { tokens: 200000 }
`;

function delivered(outcome: Outcome): string {
  const { result } = parseRun(outcome.stdout);
  expect(result?.state, outcome.stderr + outcome.stdout.slice(-2_000)).toBe("delivered");
  expect(outcome.code).toBe(0);
  return result?.project_id ?? "";
}

describe("two runs at once", () => {
  it("of one spec in one state folder are two projects on one server", async () => {
    const file = await first.file("add.yaml", spec("add"));
    const outcomes = await Promise.all([first.run(["run", file, "--json"]), first.run(["run", file, "--json"])]);
    const ids = outcomes.map(delivered);
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) await expectOnce(first, id);
  });

  it("in two state folders have two stacks side by side", async () => {
    const files = await Promise.all([first, second].map((one) => one.file("max.yaml", spec("maximum"))));
    const outcomes = await Promise.all([
      first.run(["run", files[0] ?? "", "--json"]),
      second.run(["run", files[1] ?? "", "--json"]),
    ]);
    outcomes.forEach(delivered);
    expect(await first.serverPid()).not.toBe(await second.serverPid());
  });
});

describe("kamachiq worker", () => {
  it("joins the running server, and its end loses nothing", async () => {
    const worker = second.start(["worker"]);
    const ended = collect(worker);
    await new Promise<void>((resolve) =>
      worker.stderr?.on("data", (text: Buffer) => /worker for/.test(String(text)) && resolve()),
    );
    const run = second.run(["run", await second.file("gcd.yaml", spec("gcd")), "--json"]);
    setTimeout(() => worker.kill("SIGTERM"), 4_000);
    await expectOnce(second, delivered(await run));
    expect((await ended).code).not.toBeNull();
  });
});
