// A model as a user configures it: by variables, through the command line, the server and the API.
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Plan } from "../src/domain/plan.ts";
import { Kamachiq, parseRun } from "./support/kamachiq.ts";
import { expectOnce } from "./support/once.ts";
import { ModelServer } from "./support/model-server.ts";
import { answer, CLI } from "./support/planner-answers.ts";
import { type TinyModel, tinyModel } from "./support/tiny-model.ts";

const tiny = await tinyModel();
if ("missing" in tiny) process.stderr.write(`skipped: ${tiny.missing}\n`);
const KEY = "sk-only-the-provider-may-see-this";

describe.skipIf("missing" in tiny)("a configured model", () => {
  it("plans what no capsule covers, with a key that stands nowhere", async () => {
    const server = await ModelServer.start(tiny as TinyModel);
    const kamachiq = await Kamachiq.create();
    afterAll(async () => {
      await kamachiq.dispose();
      await server.stop();
    });
    const goals = "goals: [Something that adds numbers for people in a shell]";
    const spec = await kamachiq.file("sums.yaml", `name: sums\n${goals}\nbudget: { tokens: 200000 }\n`);
    const env = {
      KAMACHIQ_MODEL: "openai/tiny",
      KAMACHIQ_MODEL_URL: server.url,
      KAMACHIQ_MODEL_KEY: "env:PROVIDER_KEY",
      PROVIDER_KEY: KEY,
    };
    server.script("tiny", answer(CLI));
    const planned = await kamachiq.run(["plan", spec, "--json"], env);
    expect(planned.code, planned.stderr + planned.stdout).toBe(0);
    const { plan } = JSON.parse(planned.stdout) as { plan: Plan };
    expect(plan.planning).toMatchObject({ model: "openai/tiny", rounds: 1, usage: { source: "provider" } });
    expect(server.seen[0]?.authorization).toBe(`Bearer ${KEY}`);

    server.script("tiny", { status: 401, message: `Incorrect API key provided: ${KEY}` });
    const refused = await kamachiq.run(["plan", spec], env);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/Planning failed in round 1 of 3.*answered 401: Incorrect API key provided: …/);
    expect(refused.stderr).toContain("KAMACHIQ_MODEL_KEY");
    expect(planned.stdout + planned.stderr + refused.stdout + refused.stderr).not.toContain(KEY);

    server.script("tiny", answer(CLI));
    const shown = await kamachiq.run(["plan", spec], env);
    expect(shown.stdout).toMatch(/^ {2}openai\/tiny, 1 round, [\d,]+ of 50,000 tokens for planning \(provider\)$/m);
    server.script("tiny", answer(CLI));
    const outcome = await kamachiq.run(["run", spec, "--json"], env);
    const { result } = parseRun(outcome.stdout);
    expect(outcome.code, outcome.stderr + outcome.stdout.slice(-2_000)).toBe(0);
    expect(server.seen.length).toBe(1); // since the script was set: what was planned is not planned again
    const report = JSON.parse(await readFile(join(result?.reports_folder ?? "", "completion.json"), "utf8")) as {
      spend: { tokens: number; by_persona: { name: string; tokens: number }[] };
    };
    expect(report.spend.tokens).toBe(result?.metrics.tokens);
    expect(report.spend.by_persona.find(({ name }) => name === "planner")?.tokens).toBeGreaterThan(0);
    await expectOnce(kamachiq, result?.project_id ?? "");
    // Neither in a log nor in the database.
    const found = spawnSync("grep", ["-rlF", KEY, kamachiq.home], { encoding: "utf8" });
    expect([found.status, found.stdout]).toEqual([1, ""]);
  });
});
