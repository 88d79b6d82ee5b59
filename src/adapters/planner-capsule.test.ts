import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { InputError } from "../domain/errors.ts";
import { validateGraph } from "../domain/graph.ts";
import { ProjectSpec } from "../domain/intake.ts";
import { Plan } from "../domain/plan.ts";
import { loadCapsuleLibrary } from "./capsule-library.ts";
import { createCapsulePlanner } from "./planner-capsule.ts";

const CAPSULES = fileURLToPath(new URL("../../services/task-capsule-repo/app/capsules", import.meta.url));
const library = await loadCapsuleLibrary(CAPSULES);
const planner = createCapsulePlanner(library);
const copy = mkdtempSync(join(tmpdir(), "capsules-"));
cpSync(CAPSULES, copy, { recursive: true });
afterAll(() => rmSync(copy, { recursive: true, force: true }));

function spec(more: Record<string, unknown> = {}): ProjectSpec {
  const given = { name: "calculator", goals: ["Create Python CLI calculator"], budget: { tokens: 100_000 }, ...more };
  return ProjectSpec.parse(given);
}

async function refusal(more: Record<string, unknown>): Promise<InputError> {
  const error: unknown = await planner.plan(spec(more)).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(InputError);
  return error as InputError;
}

/** A planner whose heuristics were edited. */
async function edited(change: (yaml: string) => string): Promise<Plan> {
  const file = join(copy, "kamachiq_project_planner.yaml");
  writeFileSync(file, change(readFileSync(join(CAPSULES, "kamachiq_project_planner.yaml"), "utf8")));
  return createCapsulePlanner(await loadCapsuleLibrary(copy)).plan(spec());
}

describe("createCapsulePlanner", () => {
  it("expands the matching capsule into a graph that keeps the rules", async () => {
    const plan = Plan.parse(await planner.plan(spec()));
    expect(plan.match).toEqual(['python_cli 1.0.0: the name and goals say "python", "cli", "calculator"']);
    const [deliverable] = plan.deliverables;
    expect(deliverable).toMatchObject({
      id: "calculator",
      capsule: "python_cli",
      parameters: { package: "calculator", precision: 15 },
    });
    const graph = plan.graphs["calculator"];
    if (graph === undefined) throw new Error("no graph");
    const report = validateGraph(graph);
    expect(report.problems).toEqual([]);
    expect(report.widest_wave).toBeGreaterThanOrEqual(3);
    expect(new Set(graph.nodes.map(({ type }) => type))).toEqual(new Set(["code", "test", "docs", "review"]));
    expect(graph.nodes.find(({ id }) => id === "cli")?.paths).toContain("src/calculator/cli.py");
    expect(plan.estimated_tokens).toBe(report.estimated_tokens);
  });

  it("has two examples or more of every capsule that delivers", async () => {
    const folder = fileURLToPath(new URL("../../examples/", import.meta.url));
    const examples = readdirSync(folder).filter((name) => name.endsWith(".yaml"));
    const plans = await Promise.all(
      examples.map((name) => planner.plan(ProjectSpec.parse(parse(readFileSync(join(folder, name), "utf8"))))),
    );
    const used = plans.flatMap(({ deliverables }) => deliverables.flatMap(({ capsule }) => capsule ?? []));
    for (const { id, type } of await library.list()) {
      if (type === "delivery") expect(used.filter((capsule) => capsule === id).length, id).toBeGreaterThanOrEqual(2);
    }
  });

  it("plans the same twice", async () => {
    expect(await planner.plan(spec())).toEqual(await planner.plan(spec()));
  });

  it.each(["A weather app", "Python CLI for the weather", "Create a calculator in Rust"])(
    "refuses the goal %j",
    async (goal) => {
      const error = await refusal({ name: "thing", goals: [goal] });
      expect(error.code).toBe("no_capsule");
      expect(error.problems.join("\n")).toMatch(/python_cli 1\.0\.0: A Python command-line calculator/);
      expect(error.remedy).toMatch(/KAMACHIQ_MODEL/);
    },
  );

  it("takes a capsule by name, and only one that delivers", async () => {
    const plan = await planner.plan(spec({ goals: ["Anything"], capsule: "python_cli" }));
    expect(plan.match[0]).toMatch(/the spec names it/);
    expect((await refusal({ capsule: "kamachiq_project_planner" })).code).toBe("no_capsule");
  });

  it("refuses an operation by name with those that are supported", async () => {
    const { problems } = await refusal({ parameters: { operations: ["add", "integrate"] } });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(
      /^parameters\.operations\[1\]: "integrate" is not supported; supported are: add, subtract, /,
    );
  });

  it.each([
    [{ precison: 3 }, /parameters\.precison: unknown parameter; did you mean "precision"\?/],
    [{ precision: 51 }, /parameters\.precision: must be <= 50 \(it is 51\); it is: significant digits/],
    [{ package: "../x" }, /parameters\.package: must match pattern/],
    [{ package: "numbers" }, /parameters\.package: must NOT be valid/],
    [{ operations: [] }, /parameters\.operations: must NOT have fewer than 1 items/],
    [{ description: "a\nb" }, /parameters\.description: must match pattern/],
  ])("refuses the parameters %j", async (parameters, expected) => {
    expect((await refusal({ parameters })).problems.join("\n")).toMatch(expected);
  });

  it("names both numbers and the least budget that works", async () => {
    const error = await refusal({ budget: { tokens: 500 } });
    expect(error.code).toBe("budget_too_small");
    const [, estimate, least] =
      /of 500 tokens is too small: the plan is estimated at (\d+) tokens.* needs (\d+)\./.exec(error.message) ?? [];
    expect(Number(least)).toBe(Math.ceil(Number(estimate) * 1.5));
    await expect(planner.plan(spec({ budget: { tokens: Number(least) } }))).resolves.toBeDefined();
    expect((await refusal({ budget: { tokens: Number(least) - 1 } })).code).toBe("budget_too_small");
  });

  it("follows its capsule's heuristics", async () => {
    const before = await edited((yaml) => yaml);
    const after = await edited((yaml) =>
      yaml
        .replace("token_safety_factor: 1.1", "token_safety_factor: 2")
        .replace("test: qa_engineer", "test: tester")
        .replace("base: 0.5", "base: 9"),
    );
    expect(after.estimated_tokens / before.estimated_tokens).toBeCloseTo(2 / 1.1, 2);
    const node = (plan: Plan) => plan.graphs["calculator"]?.nodes.find(({ id }) => id === "cli_tests");
    expect(node(after)?.persona).toBe("tester");
    expect((node(after)?.estimated_seconds ?? 0) - (node(before)?.estimated_seconds ?? 0)).toBeCloseTo(8.5);
    await expect(edited((yaml) => yaml.replace("budget_factor: 1.5", "budget_factor: 10"))).rejects.toThrow(
      /too small/,
    );
  });

  it("makes a deliverable of each capsule that a goal asks for, up to the limit", async () => {
    const site = `id: site\nversion: 1.0.0\nsummary: A site\ntype: delivery\nstack: docs\npersona: writer\ncapabilities: [[site]]\ntasks:
  - { id: page, type: docs, description: Write it, checks: [compile], paths: [index.md], success_criteria: [{ id: done, text: Written }] }\n`;
    writeFileSync(join(copy, "site.yaml"), site);
    const goals = ["Create Python CLI calculator", "A site about it", "Fast"];
    await edited((yaml) => yaml);
    const two = createCapsulePlanner(await loadCapsuleLibrary(copy));
    const plan = await two.plan(spec({ goals }));
    expect(plan.deliverables.map(({ id }) => id)).toEqual(["python_cli", "site"]);
    expect(plan.deliverables.reduce((sum, { budget_tokens }) => sum + budget_tokens, 0)).toBeLessThanOrEqual(100_000);
    writeFileSync(
      join(copy, "kamachiq_project_planner.yaml"),
      readFileSync(join(copy, "kamachiq_project_planner.yaml"), "utf8").replace(
        "deliverables_max: 10",
        "deliverables_max: 1",
      ),
    );
    const one = createCapsulePlanner(await loadCapsuleLibrary(copy));
    await expect(one.plan(spec({ goals }))).rejects.toThrow(/2 deliverables; 1 are allowed/);
  });

  it("makes the deliverables that the spec states, each with its place in the roadmap", async () => {
    const stated = {
      milestones: [{ id: "m1", title: "First", due: "2027-01-31" }],
      workstreams: [{ id: "tools", title: "Tools" }],
      attachments: [{ name: "roadmap.md", content: "# Roadmap" }],
      deliverables: [
        { id: "sums", milestone: "m1", workstream: "tools", parameters: { operations: ["add"] } },
        {
          id: "quotients",
          title: "Dividing",
          capsule: "python_cli",
          parameters: { operations: ["divide"] },
          dependencies: ["sums"],
          sources: [{ attachment: "roadmap.md", line: 1, end_line: 1 }],
        },
      ],
    };
    const plan = Plan.parse(await planner.plan(spec(stated)));
    expect(plan.deliverables).toMatchObject([
      { id: "sums", milestone: "m1", workstream: "tools", dependencies: [], parameters: { package: "sums" } },
      { id: "quotients", title: "Dividing", dependencies: ["sums"], sources: stated.deliverables[1]?.sources },
    ]);
    expect(plan.match).toEqual([
      'sums: python_cli 1.0.0: the name and goals say "python", "cli", "calculator"',
      "quotients: python_cli 1.0.0: the spec names it",
    ]);
  });

  it("unfolds a composed capsule into the deliverables that it uses", async () => {
    const pair = `id: pair
version: 1.0.0
summary: Two programs
type: delivery
persona: dev
capabilities: [[pair]]
parameters:
  type: object
  additionalProperties: false
  properties: { operations: { type: array, default: [add] }, word: { type: string, default: first } }
uses:
  - { id: one, capsule: python_cli, pass: [operations], parameters: { command: "{{ parameters.word }}-one" } }
  - { id: two, capsule: python_cli, parameters: { operations: [divide] }, dependencies: [one] }
`;
    cpSync(CAPSULES, copy, { recursive: true });
    writeFileSync(join(copy, "pair.yaml"), pair);
    const composed = createCapsulePlanner(await loadCapsuleLibrary(copy));
    rmSync(join(copy, "pair.yaml"));
    const deliverables = [
      { id: "both", goals: ["Make the pair"] },
      { id: "last", dependencies: ["both"] },
    ];
    const plan = await composed.plan(spec({ deliverables }));
    expect(plan.deliverables.map(({ id, dependencies }) => [id, dependencies])).toEqual([
      ["both-one", []],
      ["both-two", ["both-one"]],
      ["last", ["both-one", "both-two"]],
    ]);
    expect(plan.deliverables[0]?.parameters).toMatchObject({ operations: ["add"], command: "first-one" });
    expect(plan.deliverables[1]?.parameters).toMatchObject({ operations: ["divide"] });
  });
});
