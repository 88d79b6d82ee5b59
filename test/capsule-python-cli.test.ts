// What the capsule delivers for many sets of parameters, graded by the real evaluator in the real sandbox.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { createTemplateAgent } from "../src/adapters/agent-template.ts";
import { loadCapsuleLibrary } from "../src/adapters/capsule-library.ts";
import { createPythonEvaluator } from "../src/adapters/evaluator-python.ts";
import { createCapsulePlanner } from "../src/adapters/planner-capsule.ts";
import { createCapsuleRenderer } from "../src/adapters/renderer-capsule.ts";
import { createBubblewrapSandbox } from "../src/adapters/sandbox-bubblewrap.ts";
import { validateGraph } from "../src/domain/graph.ts";
import { ProjectSpec, withoutAcceptance } from "../src/domain/intake.ts";
import type { TaskNode } from "../src/domain/plan.ts";
import type { CheckResult } from "../src/domain/review.ts";
import { parseSpec } from "../src/domain/spec-document.ts";
import { reviewTools } from "./support/review-tools.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const { bubblewrap, python } = await reviewTools();
const evaluator = createPythonEvaluator({
  sandbox: createBubblewrapSandbox({ bubblewrap: bubblewrap ?? "bwrap" }),
  python,
});
const library = await loadCapsuleLibrary(join(ROOT, "services/task-capsule-repo/app/capsules"));
const capsule = await library.get("python_cli");
const planner = createCapsulePlanner(library);
const renderer = createCapsuleRenderer();
const agent = createTemplateAgent();
const folder = mkdtempSync(join(tmpdir(), "python-cli-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ALL = Object.keys(capsule.capsule.catalog["operations"] as object);
const WITHOUT_MUTANTS = evaluator.checks.filter((check) => check !== "mutants");

function specOf(parameters: Record<string, unknown>): ProjectSpec {
  const goals = ["Create Python CLI calculator"];
  return ProjectSpec.parse({ name: "calculator", goals, budget: { tokens: 1_000_000 }, parameters });
}

/** Runs the plan's tasks in order; `after` sees the tree as each task leaves it. */
async function deliver(spec: ProjectSpec, after?: (task: TaskNode, tree: string) => Promise<void>) {
  const tree = mkdtempSync(join(folder, "tree-"));
  const visible = withoutAcceptance(spec);
  const plan = await planner.plan(visible);
  const graph = plan.graphs[spec.name];
  const parameters = plan.deliverables[0]?.parameters;
  if (graph === undefined || parameters === undefined) throw new Error("no plan");
  const { problems, order } = validateGraph(graph);
  expect(problems).toEqual([]);
  for (const { path, content } of renderer.scaffold(capsule, parameters, visible)) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), content);
  }
  for (const id of order) {
    const task = graph.nodes.find((node) => node.id === id) as TaskNode;
    const fixed = {
      attempt: 1,
      feedback: [],
      budget_tokens: task.estimated_tokens,
      signal: new AbortController().signal,
    };
    await agent.run({ ...fixed, task, spec: visible, capsule, parameters, workspace: tree, progress: () => {} });
    await after?.(task, tree);
  }
  return { tree, probes: renderer.probes(capsule, parameters, visible) };
}

async function grade(
  delivery: Awaited<ReturnType<typeof deliver>>,
  checks: readonly string[],
  acceptance: ProjectSpec["acceptance"] = [],
) {
  const mutation = { mutants_max: 120, floor: 0.8, seed: 1, wall_ms: 120_000 };
  return evaluator.evaluate({ ...delivery, checks: [...checks], acceptance, changed: [], dependencies: {}, mutation });
}

function failures(results: CheckResult[]): string[] {
  return results.filter(({ passed }) => !passed).map(({ check, excerpt }) => `${check}: ${excerpt}`);
}

describe("python_cli", () => {
  it.each(readdirSync(join(ROOT, "examples")).filter((name) => name.endsWith(".yaml")))(
    "delivers examples/%s with every check, held-out ones too, and tests that kill over 90 % of the mutants",
    async (name) => {
      const spec = parseSpec(readFileSync(join(ROOT, "examples", name), "utf8"), name);
      const results = await grade(await deliver(spec), evaluator.checks, spec.acceptance);
      expect(failures(results)).toEqual([]);
      expect(results.filter(({ held_out }) => held_out)).toHaveLength(spec.acceptance.length);
      expect(results.find(({ check }) => check === "mutants")?.value).toBeGreaterThan(0.9);
    },
  );

  it("lets every task pass its own checks on what is there when it ends", async () => {
    const spec = specOf({ operations: ["add", "divide", "average"], batch: true, json_output: true, license: "MIT" });
    await deliver(spec, async (task, tree) => {
      const parameters = (await planner.plan(withoutAcceptance(spec))).deliverables[0]?.parameters ?? {};
      const probes = renderer.probes(capsule, parameters, spec).filter(({ id }) => task.checks.includes(id));
      const checks = task.checks.filter((check) => evaluator.checks.includes(check));
      expect(probes.length + checks.length).toBe(task.checks.length);
      const results = await grade({ tree, probes }, checks);
      expect([task.id, ...failures(results)]).toEqual([task.id]);
      expect(results.some(({ metric }) => metric === "correctness")).toBe(true);
    });
  });

  it.each([
    ["all operations", { operations: ALL, batch: true, json_output: true, precision: 50 }],
    [
      "the longest names",
      { operations: ALL, package: `p${"x".repeat(29)}`, command: `c${"y".repeat(39)}`, batch: true, json_output: true },
    ],
    ["one digit, cut off", { operations: ["root", "power", "logarithm", "divide"], precision: 1, rounding: "down" }],
    [
      "no places, ties up",
      { operations: ["average", "divide", "percent"], decimal_places: 0, rounding: "half_up", batch: true },
    ],
    ["thirty places", { operations: ["divide", "multiply", "maximum"], decimal_places: 30, json_output: true }],
    [
      "hostile texts",
      { description: `"""'''\\ {{ x }} {% y %} # $(id) \`ls\` <b> 中文 é %s \u202e`, author: `O'Neil "x" \\` },
    ],
    ["a description at the line's end", { description: "d".repeat(86) }],
    ["a description beyond the line's end", { description: "中".repeat(44) }],
  ])("delivers clean code for %s", async (_, parameters) => {
    expect(failures(await grade(await deliver(specOf(parameters)), WITHOUT_MUTANTS))).toEqual([]);
  });

  it.each(ALL)("delivers clean code for %s alone", async (operation) => {
    const delivery = await deliver(specOf({ operations: [operation], batch: true, json_output: true }));
    expect(failures(await grade(delivery, ["lint", "format", "tests", "readme"]))).toEqual([]);
  });
});
