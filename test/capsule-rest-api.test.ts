// What the capsule delivers for many sets of parameters, with its real dependencies, graded in the real sandbox.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
import { resolveConfig } from "../src/config/config.ts";
import { validateGraph } from "../src/domain/graph.ts";
import type { InputError } from "../src/domain/errors.ts";
import { ProjectSpec, withoutAcceptance } from "../src/domain/intake.ts";
import type { TaskNode } from "../src/domain/plan.ts";
import type { CheckResult } from "../src/domain/review.ts";
import { parseSpec } from "../src/domain/spec-document.ts";
import { createDependencyInstaller } from "../src/stack/dependencies.ts";
import { reviewTools } from "./support/review-tools.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const { bubblewrap, python } = await reviewTools();
const evaluator = createPythonEvaluator({
  sandbox: createBubblewrapSandbox({ bubblewrap: bubblewrap ?? "bwrap" }),
  python,
});
const library = await loadCapsuleLibrary(join(ROOT, "services/task-capsule-repo/app/capsules"));
const capsule = await library.get("rest_api");
const lock = capsule.templates.get("scaffold/requirements.lock") ?? "";
const installer = createDependencyInstaller({ cache: resolveConfig().cache, python });
const { folder: packages } = await installer.install("python", [{ path: "requirements.lock", content: lock }]);
const planner = createCapsulePlanner(library);
const renderer = createCapsuleRenderer();
const agent = createTemplateAgent();
const folder = mkdtempSync(join(tmpdir(), "rest-api-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const WITHOUT_MUTANTS = evaluator.checks.filter((check) => check !== "mutants");
const EXAMPLES = ["todo_api.yaml", "library_api.yaml"];

const HOSTILE = `"""'''\\ {{ x }} {% y %} # $(id) \`ls\` <b> 中文 é %s {0} \u202e | a`;
const described = { description: HOSTILE };
const HOSTILES = [
  {
    name: "apple",
    plural: "apples",
    ...described,
    fields: [
      { name: "note", type: "text", default: `"'\\{{ x }}{% raw %}中`, ...described },
      { name: "kind", type: "choice", choices: ["0", "a-b", "x_y"], filter: true, ...described },
    ],
  },
];
const C30 = Array.from({ length: 30 }, (_, index) => `${index}${"c".repeat(28)}`);
const LONGEST = ["a", "b"].map((letter, at) => ({
  name: letter.repeat(20),
  plural: letter.repeat(22),
  description: "d".repeat(200),
  fields: [
    { name: "t".repeat(24), type: "text", unique: true, filter: true, sort: true, max_length: 200 },
    { name: "u".repeat(24), type: "text", min_length: 100, max_length: 10_000, description: "é".repeat(200) },
    { name: "c".repeat(24), type: "choice", choices: C30 },
    { name: "n".repeat(24), type: "decimal", min: -999_999_999, max: 999_999_999, places: 6, filter: true, sort: true },
    { name: "d".repeat(24), type: "date", required: false, filter: true },
    { name: "b".repeat(24), type: "boolean", default: true, filter: true },
    ...(at === 0 ? [] : [{ name: "r".repeat(24), type: "reference", to: "a".repeat(20), filter: true }]),
    ...(at === 0 ? [] : [{ name: "s".repeat(24), type: "reference", to: "a".repeat(20), required: false }]),
  ],
}));
const ALONE = [
  { type: "text", min_length: 0, max_length: 2 },
  { type: "text", min_length: 7, max_length: 7, unique: true },
  { type: "integer", max: -5, filter: true, default: -7 },
  { type: "decimal", min: -5, places: 1, default: -5 },
  { type: "boolean", required: false, filter: true },
  { type: "date", sort: true, filter: true },
  { type: "choice", choices: ["a", "b"], required: false, filter: true, default: "b" },
  { type: "reference", to: "thing_a", required: false, on_delete: "cascade", filter: true },
].map((field, at) => {
  const letter = String.fromCharCode(97 + at);
  const fields = [{ name: "value", ...field }];
  return { name: `thing_${letter}`, plural: `things_${letter}`, description: "A thing", fields };
});
const NUMBERS = "select group index table items next_cursor column date decimal store etag".split(" ");
const TEXTS = { slug: "slug", phone: "phone", url: "url", country: "country", time: "time" };
const RESERVED = [
  {
    name: "order",
    plural: "values",
    description: "An order",
    fields: NUMBERS.map((name) => ({ name, type: "integer", min: 0, filter: true, sort: true })),
  },
  {
    name: "task",
    plural: "group",
    description: "A task",
    fields: Object.entries(TEXTS).map(([name, format]) => ({
      name,
      type: "text",
      format,
      required: false,
      filter: true,
    })),
  },
];

function exampleOf(name: string): ProjectSpec {
  return parseSpec(readFileSync(join(ROOT, "examples", name), "utf8"), name);
}

function specOf(parameters: Record<string, unknown>, name = "todo-api"): ProjectSpec {
  const goals = ["Create a REST API for todo lists"];
  return ProjectSpec.parse({ name, goals, budget: { tokens: 1_000_000 }, parameters });
}

/** Runs the plan's tasks in order; `after` sees the tree as each task leaves it. */
async function deliver(spec: ProjectSpec, after?: (task: TaskNode, delivery: Delivery) => Promise<void>) {
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
  const delivery = { tree, probes: renderer.probes(capsule, parameters, visible) };
  for (const id of order) {
    const task = graph.nodes.find((node) => node.id === id) as TaskNode;
    const fixed = { attempt: 1, feedback: [], budget_tokens: task.estimated_tokens };
    const signal = new AbortController().signal;
    await agent.run({
      ...fixed,
      signal,
      task,
      spec: visible,
      capsule,
      parameters,
      workspace: tree,
      progress: () => {},
    });
    await after?.(task, delivery);
  }
  return delivery;
}
type Delivery = { tree: string; probes: ReturnType<typeof renderer.probes> };

async function grade(delivery: Delivery, checks: readonly string[], acceptance: ProjectSpec["acceptance"] = []) {
  const mutation = { mutants_max: 120, floor: 0.85, seed: 1, wall_ms: 120_000 };
  const fixed = { changed: [], dependencies: { python: packages }, mutation };
  return evaluator.evaluate({ ...delivery, ...fixed, checks: [...checks], acceptance });
}

function failures(results: CheckResult[]): string[] {
  return results.filter(({ passed }) => !passed).map(({ check, excerpt }) => `${check}: ${excerpt}`);
}

describe("rest_api", () => {
  it.each(EXAMPLES)(
    "delivers examples/%s with every check, held-out ones too, and tests that kill over 85 % of the mutants",
    async (name) => {
      const spec = exampleOf(name);
      const results = await grade(await deliver(spec), evaluator.checks, spec.acceptance);
      expect(failures(results)).toEqual([]);
      expect(results.filter(({ held_out }) => held_out)).toHaveLength(spec.acceptance.length);
    },
  );

  it.each(EXAMPLES)(
    "lets every task of examples/%s pass its own checks on what is there when it ends",
    async (name) => {
      await deliver(exampleOf(name), async (task, { tree, probes }) => {
        const own = probes.filter(({ id }) => task.checks.includes(id));
        const checks = task.checks.filter((check) => evaluator.checks.includes(check) && check !== "mutants");
        expect(own.length + checks.length).toBe(task.checks.filter((check) => check !== "mutants").length);
        const results = await grade({ tree, probes: own }, checks);
        expect([task.id, ...failures(results)]).toEqual([task.id]);
        expect(results.some(({ metric }) => metric === "correctness")).toBe(true);
      });
    },
  );

  it.each([
    ["nothing but a goal", {}],
    ["the longest names", { package: `p${"x".repeat(29)}`, command: `c${"y".repeat(39)}`, resources: LONGEST }],
    [
      "hostile texts",
      { package: "aa", title: HOSTILE, description: HOSTILE, author: HOSTILE, license: "MIT", resources: HOSTILES },
    ],
    ["one field of every type, alone", { resources: ALONE }],
    ["words that SQL and the program itself use", { package: "zz", resources: RESERVED }],
  ])("delivers clean code for %s", async (_, parameters) => {
    expect(failures(await grade(await deliver(specOf(parameters)), WITHOUT_MUTANTS))).toEqual([]);
  });

  it.each([
    [{ type: "integer", min: 3, max: 3 }, /fields\[0\]\.max: must be more than min/],
    [{ type: "text", min: 1 }, /only integers and decimals have min and max/],
    [{ type: "text", min_length: 9, max_length: 5 }, /max_length: must not be less than min_length/],
    [{ type: "text", format: "slug", max_length: 5 }, /a text with a format has no min_length/],
    [{ type: "choice", choices: ["one"] }, /choices: a choice has at least 2/],
    [{ type: "reference", to: "thing" }, /to: names no resource before this one/],
    [{ type: "date", unique: true }, /unique: only texts and integers/],
    [{ type: "integer", unique: true, min: 1, max: 9 }, /unique: there are too few values/],
    [{ type: "date", required: false, sort: true }, /sort: lists can't be sorted by what may be null/],
    [{ type: "integer", default: "1" }, /default: "1" is no value of this field/],
    [{ type: "boolean", default: 1 }, /default: 1 is no value/],
    [{ type: "choice", choices: ["a", "b"], default: "c" }, /default: "c" is no value/],
    [{ type: "text", name: "class" }, /fields\[0\]\.name/],
    [{ type: "text", name: "x_min" }, /fields\[0\]\.name/],
    [{ type: "text", name: "a__b" }, /fields\[0\]\.name/],
  ])("refuses the field %j", async (field, reason) => {
    const resource = { name: "thing", plural: "things", description: "A thing", fields: [{ name: "a", ...field }] };
    const planned = planner.plan(withoutAcceptance(specOf({ resources: [resource] })));
    const refusal: unknown = await planned.catch((error: unknown) => error);
    expect((refusal as InputError).problems.join("\n")).toMatch(reason);
  });

  it.each(["Create a REST API for todo lists", "A RESTful API for a shop, in Python", "CRUD API with FastAPI"])(
    "is what fits the goal %s",
    async (goal) => {
      const spec = ProjectSpec.parse({ name: "x", goals: [goal], budget: { tokens: 1_000_000 } });
      const { deliverables } = await planner.plan(withoutAcceptance(spec));
      expect(deliverables.map((one) => one.capsule)).toEqual(["rest_api"]);
    },
  );
});
