// Plans as files: what was planned is what is carried out, and nothing else is.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PlanView } from "../src/api/views.ts";
import type { PlanFile } from "../src/domain/plan-file.ts";
import { planDigest } from "../src/platform/digest.ts";
import { Kamachiq, parseRun } from "./support/kamachiq.ts";

const kamachiq = await Kamachiq.create();
afterAll(() => kamachiq.dispose());

const SPEC = `name: planned
goals: [Create Python CLI calculator]
parameters: { operations: [add, divide] }
budget: { tokens: 100000 }
`;

interface Problem {
  code: string;
  problems: string[];
  detail: string;
}

describe("a plan file", () => {
  const path = join(kamachiq.folder, "plan.json");
  const stored = async (): Promise<PlanFile> => JSON.parse(await readFile(path, "utf8")) as PlanFile;

  /** `run --plan` on the file after a change to it. */
  async function changed(change: (file: PlanFile) => void): Promise<{ code: number | null; problem: Problem }> {
    const file = await stored();
    change(file);
    const copy = await kamachiq.file("changed.json", JSON.stringify(file));
    const outcome = await kamachiq.run(["run", "--plan", copy, "--json"]);
    return { code: outcome.code, problem: JSON.parse(outcome.stdout) as Problem };
  }

  let view: PlanView;
  beforeAll(async () => {
    const spec = await kamachiq.file("spec.yaml", SPEC);
    view = await kamachiq.json<PlanView>(["plan", spec, "--out", path]);
  });

  it("is written by plan --out, passes graph validate, and is carried out exactly", async () => {
    expect(planDigest((await stored()).plan)).toBe(view.digest);
    expect((await kamachiq.run(["graph", "validate", path])).code).toBe(0);

    const file = await stored();
    const graph = file.plan.graphs["planned"];
    const task = graph?.nodes.find(({ id }) => id === "reference");
    task?.dependencies.push("numbers");
    const edited = await kamachiq.file("edited.json", JSON.stringify(file));
    const outcome = await kamachiq.run(["run", "--plan", edited, "--json"]);
    const { result, events } = parseRun(outcome.stdout);
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(result?.state).toBe("delivered");
    const decomposed = events.find(({ type }) => type === "kamachiq.plan.decomposed");
    expect(decomposed?.data).toMatchObject({ plan: { digest: planDigest(file.plan) } });
    const end = (id: string, type: string): number =>
      events.findIndex((event) => event.type === type && event.data["task_id"] === id);
    expect(end("reference", "kamachiq.execute.task_started")).toBeGreaterThan(
      end("numbers", "kamachiq.execute.task_merged"),
    );
  });

  it.each<[string, (file: PlanFile) => void, string, RegExp]>([
    [
      "a budget above the spec's",
      ({ plan }) => plan.deliverables.forEach((one) => (one.budget_tokens = 100_001)),
      "plan_unusable",
      /budgets sum to 100001 tokens, and the spec's is 100000/,
    ],
    [
      "another content of the capsule",
      ({ plan }) => plan.deliverables.forEach((one) => (one.capsule_digest = "0".repeat(64))),
      "plan_unusable",
      /planned: There is no capsule "python_cli 1\.0\.0 of this digest"\. Its content has changed/,
    ],
    [
      "a version that is not installed",
      ({ plan }) => plan.deliverables.forEach((one) => (one.capsule_version = "9.9.9")),
      "plan_unusable",
      /There is no capsule "python_cli 9\.9\.9"/,
    ],
    [
      "a task that the capsule does not have",
      ({ plan }) => plan.graphs["planned"]?.nodes.forEach((node) => (node.id = `x-${node.id}`)),
      "plan_unusable",
      /task "x-package" is no task of python_cli, which has package, numbers/,
    ],
    [
      "fewer checks",
      ({ plan }) => plan.graphs["planned"]?.nodes.forEach((node) => (node.checks = ["compile"])),
      "plan_unusable",
      /task "package" leaves out checks of the capsule: lint, format/,
    ],
    [
      "a registry that the capsule does not use",
      ({ plan }) => plan.deliverables.forEach((one) => (one.registries = ["npm"])),
      "plan_unusable",
      /registries must be those of the capsule: none/,
    ],
    [
      "a parameter that is not valid",
      ({ plan }) => plan.deliverables.forEach((one) => (one.parameters["operations"] = ["fly"])),
      "plan_unusable",
      /"fly" is not supported/,
    ],
    [
      "a cycle",
      ({ plan }) => plan.graphs["planned"]?.nodes[0]?.dependencies.push("review"),
      "graph_invalid",
      /wait for each other/,
    ],
  ])("is refused with %s", async (_, change, code, problem) => {
    const outcome = await changed(change);
    expect(outcome).toMatchObject({ code: 2, problem: { code } });
    expect(outcome.problem.problems.join("\n")).toMatch(problem);
  });

  it("is shown as Mermaid", async () => {
    const spec = await kamachiq.file("spec.yaml", SPEC);
    const { stdout } = await kamachiq.run(["plan", spec, "--format", "mermaid"]);
    expect(stdout).toMatch(
      /^flowchart LR\n {2}%% estimated from 10 past tasks of template \(deterministic\).*\n {2}subgraph d0\["planned"\]\n {4}d0t0\["package<br\/>code, developer_backend\.v2<br\/>\d+ to \d+ tokens, [\d.]+ to [\d.]+ s"\]/,
    );
    expect(stdout).toContain("  d0t0 --> d0t1\n");
  });
});

describe("a planner output", () => {
  const deliverable = {
    id: "api-svc",
    persona: "developer_backend.v2",
    tools: ["git", "python"],
    budget_tokens: 45_000,
    dependencies: [],
    capsule: "python_cli",
    parameters: { operations: ["add"] },
  };

  async function run(...deliverables: object[]) {
    const spec = await kamachiq.file("pair.yaml", SPEC.replace("planned", "pair").replace(/parameters.*\n/, ""));
    const output = await kamachiq.file("output.json", JSON.stringify({ deliverables }));
    return kamachiq.run(["run", spec, "--plan", output, "--json"]);
  }

  it("is carried out, each deliverable after those that it depends on", async () => {
    const outcome = await run(deliverable, { ...deliverable, id: "second", dependencies: ["api-svc"] });
    const { result, events } = parseRun(outcome.stdout);
    expect(outcome.code, outcome.stderr + outcome.stdout).toBe(0);
    expect(result?.metrics.tasks_done).toBe(20);
    const first = (id: string): number =>
      events.findIndex(
        (event) => event.data["deliverable_id"] === id && event.type === "kamachiq.execute.task_started",
      );
    const last = (id: string): number =>
      events.findLastIndex(
        (event) => event.data["deliverable_id"] === id && event.type === "kamachiq.execute.task_merged",
      );
    expect(first("second")).toBeGreaterThan(last("api-svc"));
  });

  it("is refused when a budget does not cover its tasks, or a tool is unknown to policy", async () => {
    const poor = await run({ ...deliverable, budget_tokens: 1_000 });
    expect(poor.code).toBe(2);
    expect(JSON.parse(poor.stdout)).toMatchObject({ code: "budget_too_small" });
    const strange = await run({ ...deliverable, tools: ["time-machine"] });
    expect(parseRun(strange.stdout).result).toMatchObject({ state: "blocked" });
    expect(strange.code).toBe(4);
  });
});

describe("a plan that a person approves", () => {
  interface Started {
    project_id: string;
    state: string;
    waiting_for: { kind: string; revision: number; digest: string }[];
  }
  interface ShownPlan extends PlanView {
    approvals: { revision: number; digest: string; state: string; decided_by: string | null }[];
  }

  async function start(name: string): Promise<Started> {
    const spec = await kamachiq.file(`${name}.yaml`, SPEC.replace("planned", name));
    const outcome = await kamachiq.run(["run", spec, "--approve", "--json"]);
    expect(outcome.code, outcome.stderr).toBe(3);
    return parseRun(outcome.stdout).result as unknown as Started;
  }

  it("waits through a restart, and is carried out by the digest that was approved", async () => {
    const { project_id, state, waiting_for } = await start("approved");
    expect(state).toBe("waiting");
    const [{ digest, revision } = { digest: "", revision: 0 }] = waiting_for;
    expect(revision).toBe(1);
    const events = await kamachiq.json<ShownPlan>(["plans", "show", project_id]);
    expect(events).toMatchObject({ digest, approvals: [{ revision: 1, digest, state: "open" }] });
    await kamachiq.run(["down"]);

    const wrong = await kamachiq.run(["plans", "approve", project_id, "--digest", "0".repeat(12), "--as", "reviewer"]);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain(`has the digest ${digest}, not 000000000000`);
    const operator = await kamachiq.run(["plans", "approve", project_id, "--digest", digest, "--as", "operator"]);
    expect(operator.code).toBe(2);

    const file: { plan: PlanView["plan"] } = { plan: events.plan };
    file.plan.graphs["approved"]?.nodes.find(({ id }) => id === "reference")?.dependencies.push("numbers");
    const revised = await kamachiq.file("revised.json", JSON.stringify(file.plan));
    const taken = await kamachiq.json<{ revision: number; digest: string }>([
      "plans",
      "revise",
      project_id,
      "--plan",
      revised,
    ]);
    expect(taken.revision).toBe(2);
    const stale = await kamachiq.run(["plans", "approve", project_id, "--digest", digest, "--as", "reviewer"]);
    expect(stale.code).toBe(2);

    const approve = ["plans", "approve", project_id, "--digest", taken.digest.slice(0, 12), "--as", "reviewer"];
    const both = await Promise.all([kamachiq.run(approve), kamachiq.run(approve)]);
    expect(new Set(both.map(({ code }) => code))).toEqual(new Set([0, 2]));
    const end = await kamachiq.run(["resume", project_id, "--json"]);
    const { result, events: log } = parseRun(end.stdout);
    expect(end.code, end.stderr).toBe(0);
    expect(result?.state).toBe("delivered");
    const validated = log.find(({ type }) => type === "kamachiq.plan.validated");
    expect(validated?.data).toMatchObject({ plan: { digest: taken.digest } });
    const shown = await kamachiq.json<ShownPlan>(["plans", "show", project_id]);
    expect(shown.approvals).toMatchObject([
      { revision: 1, state: "revised", decided_by: "admin" },
      { revision: 2, state: "approved", decided_by: "reviewer" },
    ]);
    const governance = await readFile(join(result?.reports_folder ?? "", "governance.json"), "utf8");
    expect(JSON.parse(governance)).toMatchObject({
      approvals: [
        { scope: "plan", decision: "revised" },
        { scope: "plan", decision: "approved", subject: taken.digest },
      ],
    });
  });

  it("ends the project when it is rejected; nothing was made", async () => {
    const { project_id, waiting_for } = await start("rejected");
    const digest = waiting_for[0]?.digest ?? "";
    const rejected = await kamachiq.run(["plans", "reject", project_id, "--digest", digest, "--comment", "too large"]);
    expect(rejected.code, rejected.stderr).toBe(0);
    const end = await kamachiq.run(["resume", project_id, "--json"]);
    const { result, events } = parseRun(end.stdout);
    expect(end.code).toBe(1);
    expect(result).toMatchObject({ state: "failed", reason: "The plan was rejected by admin: too large" });
    expect(events.filter(({ type }) => /^kamachiq\.(policy|provision|execute)/.test(type))).toEqual([]);
  });
});
