// A model as a user configures it: by variables, through the command line, the server and the API.
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Client, Connection } from "@temporalio/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { insertProject, startProjectWorkflow } from "../src/api/projects.ts";
import type { ProjectView } from "../src/api/views.ts";
import { ApiClient } from "../src/cli/api-client.ts";
import type { CompletionReport } from "../src/domain/completion-report.ts";
import type { EventData } from "../src/domain/event-data.ts";
import { ProjectSpec } from "../src/domain/intake.ts";
import type { Plan } from "../src/domain/plan.ts";
import { openDatabase, openPool } from "../src/persistence/database.ts";
import { readServerInfo } from "../src/stack/server-info.ts";
import { readToken } from "../src/stack/tokens.ts";
import { Kamachiq, parseRun } from "./support/kamachiq.ts";
import { expectOnce, readLog } from "./support/once.ts";
import { ModelServer } from "./support/model-server.ts";
import { answer, CLI } from "./support/planner-answers.ts";
import { type TinyModel, tinyModel } from "./support/tiny-model.ts";

const tiny = await tinyModel();
if ("missing" in tiny) process.stderr.write(`skipped: ${tiny.missing}\n`);
const KEY = "sk-only-the-provider-may-see-this";

const GOAL = "Something that adds numbers for people in a shell";

describe.skipIf("missing" in tiny)("a configured model", () => {
  let server: ModelServer;
  let kamachiq: Kamachiq;
  let spec: string;
  let env: Record<string, string>;
  beforeAll(async () => {
    server = await ModelServer.start(tiny as TinyModel);
    kamachiq = await Kamachiq.create();
    spec = await kamachiq.file("sums.yaml", `name: sums\ngoals: [${GOAL}]\nbudget: { tokens: 400000 }\n`);
    env = {
      KAMACHIQ_MODEL: "openai/tiny",
      KAMACHIQ_MODEL_URL: server.url,
      KAMACHIQ_MODEL_KEY: "env:PROVIDER_KEY",
      PROVIDER_KEY: KEY,
    };
  }, 60_000);
  afterAll(async () => {
    await kamachiq?.dispose();
    await server?.stop();
  });

  /** What the product has on record of plannings, newest first. */
  async function plannings(): Promise<Planning[]> {
    const info = await readServerInfo(kamachiq.home);
    const client = new ApiClient(info?.url ?? "", await readToken(kamachiq.home, "admin"));
    return (await client.get<{ items: Planning[] }>("/v1/plans")).items;
  }

  it("plans what no capsule covers, with a key that stands nowhere", async () => {
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
    expect(shown.stdout).toMatch(/^ {2}openai\/tiny, 1 round, [\d,]+ of 100,000 tokens for planning \(provider\)$/m);
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
    // One was refused, two were looked at, and of the last a project was made.
    expect((await plannings()).map(({ outcome, rounds, project_id }) => [outcome, rounds, project_id])).toEqual([
      ["planned", 1, result?.project_id],
      ["planned", 1, null],
      ["model_unauthorized", 1, null],
      ["planned", 1, null],
    ]);
    // Neither in a log nor in the database.
    const found = spawnSync("grep", ["-rlF", KEY, kamachiq.home], { encoding: "utf8" });
    expect([found.status, found.stdout]).toEqual([1, ""]);
  });

  it("says and keeps what a planning cost of which no plan came", async () => {
    const before = (await plannings().catch(() => [])).length;
    for (const command of ["plan", "run"]) {
      server.script("tiny", answer({ ...CLI, capsule: "abacus" }));
      const failed = await kamachiq.run([command, spec, "--json"], env);
      expect(failed.code).toBe(1);
      const { code, detail } = JSON.parse(failed.stdout) as { code: string; detail: string };
      expect(code).toBe("plan_invalid");
      const [last] = await plannings();
      const tokens = (last?.input_tokens ?? 0) + (last?.output_tokens ?? 0);
      expect(last).toMatchObject({ name: "sums", model: "openai/tiny", outcome: code, rounds: 3, source: "provider" });
      expect(tokens).toBeGreaterThan(30_000);
      expect(detail).toContain(`It took ${tokens} tokens in 3 rounds (provider).`);
    }
    expect(await plannings()).toHaveLength(before + 2);
  });

  it("charges it to the project that was to be planned, which fails with it in its books and reports", async () => {
    await kamachiq.run(["status"], env);
    server.script("tiny", answer({ ...CLI, capsule: "abacus" }));
    const before = (await plannings()).length;
    // As it is when capsules change between a project's start and its plan stage.
    const id = await startUnplanned(
      kamachiq.home,
      ProjectSpec.parse({ name: "late", goals: [GOAL], budget: { tokens: 400_000 } }),
    );
    const log = await readLog(kamachiq, id);
    const failed = log.find(({ type }) => type === "kamachiq.plan.failed")?.data as EventData<"kamachiq.plan.failed">;
    expect(failed).toMatchObject({ code: "plan_invalid", model: "openai/tiny", rounds: 3 });
    const tokens = failed.planning.input_tokens + failed.planning.output_tokens;
    expect(tokens).toBeGreaterThan(30_000);

    const view = await kamachiq.json<ProjectView>(["status", id]);
    expect(view).toMatchObject({ state: "failed", budget: { limit: 400_000, reserved: 0, spent: tokens } });
    expect(view.reason).toContain(`It took ${tokens} tokens in 3 rounds (provider).`);
    expect(view.result?.metrics.tokens).toBe(tokens);
    const reports = view.result?.reports_folder ?? "";
    const completion = JSON.parse(await readFile(join(reports, "completion.json"), "utf8")) as CompletionReport;
    expect(completion.spend).toMatchObject({ tokens, by_persona: [{ name: "planner", tokens }] });
    const governance = JSON.parse(await readFile(join(reports, "governance.json"), "utf8")) as { cost: object };
    expect(governance).toMatchObject({ cost: { spent: tokens } });
    // The project's, and so not the tenant's beside it.
    expect(await plannings()).toHaveLength(before);
  });
});

interface Planning {
  name: string;
  model: string;
  rounds: number;
  input_tokens: number;
  output_tokens: number;
  source: string;
  outcome: string;
  project_id: string | null;
}

/** Writes a project and starts its workflow on the running server, without the planning that the API does before. */
async function startUnplanned(home: string, spec: ProjectSpec): Promise<string> {
  const info = await readServerInfo(home);
  if (info === null) throw new Error("no server runs");
  const db = openDatabase(openPool(info.database));
  const connection = await Connection.connect({ address: info.temporal_address });
  try {
    const input = { spec, actor: "operator", sandbox: "bubblewrap" };
    const row = await db.transaction().execute((tx) => insertProject(tx, input));
    await startProjectWorkflow(new Client({ connection }), row);
    return row.id;
  } finally {
    await connection.close();
    await db.destroy();
  }
}
