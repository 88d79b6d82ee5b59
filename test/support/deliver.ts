// Delivers capsules of the library without a server, through the planner, agent and renderer of a real project.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect } from "vitest";
import { createTemplateAgent } from "../../src/adapters/agent-template.ts";
import { loadCapsuleLibrary } from "../../src/adapters/capsule-library.ts";
import { createPythonEvaluator } from "../../src/adapters/evaluator-python.ts";
import { createCapsulePlanner } from "../../src/adapters/planner-capsule.ts";
import { createCapsuleRenderer } from "../../src/adapters/renderer-capsule.ts";
import { createBubblewrapSandbox } from "../../src/adapters/sandbox-bubblewrap.ts";
import { validateGraph } from "../../src/domain/graph.ts";
import { ProjectSpec, withoutAcceptance } from "../../src/domain/intake.ts";
import type { TaskNode } from "../../src/domain/plan.ts";
import type { CheckResult } from "../../src/domain/review.ts";
import { parseSpec } from "../../src/domain/spec-document.ts";
import type { DependencyInstaller, DependencyKind } from "../../src/ports/dependencies.ts";
import type { EvaluationRequest, Evaluator } from "../../src/ports/evaluator.ts";
import { reviewTools } from "./review-tools.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The library that ships with the product. */
export const library = await loadCapsuleLibrary(join(ROOT, "services/task-capsule-repo/app/capsules"));
const planner = createCapsulePlanner(library);
const renderer = createCapsuleRenderer();
const agent = createTemplateAgent();

/** A delivered tree, with what grading it needs. */
export type Delivery = Pick<EvaluationRequest, "tree" | "probes" | "dependencies">;

/** What `grade` does beyond the named checks. */
export interface Grading {
  acceptance?: ProjectSpec["acceptance"];
  /** Mutants drawn by the check `mutants`; 120 unless given. */
  mutants_max?: number;
}

export interface Bench {
  /** Examples of this capsule alone, as [file name, spec]. */
  examples: [string, ProjectSpec][];
  specOf(parameters: Record<string, unknown>): ProjectSpec;
  /** Runs the plan's tasks in order; `after` sees the delivery as each task leaves it. */
  deliver(spec: ProjectSpec, after?: (task: TaskNode, delivery: Delivery) => Promise<void>): Promise<Delivery>;
  grade(delivery: Delivery, checks: readonly string[], grading?: Grading): Promise<CheckResult[]>;
  /** Delivers, and expects each task to pass its own checks on what is there when it ends. */
  expectEachTaskToPass(spec: ProjectSpec): Promise<void>;
}

/** The evaluator of Python projects in the real sandbox. */
export async function pythonEvaluator(): Promise<Evaluator> {
  const { bubblewrap, python } = await reviewTools();
  return createPythonEvaluator({ sandbox: createBubblewrapSandbox({ bubblewrap: bubblewrap ?? "bwrap" }), python });
}

/**
 * A place to deliver one capsule in, removed when the test file ends. `goal` must lead to the capsule; `dependencies`
 * is needed by capsules that declare lock files.
 */
export async function openBench(options: {
  capsule: string;
  goal: string;
  evaluator: Evaluator;
  dependencies?: DependencyInstaller;
}): Promise<Bench> {
  const { evaluator } = options;
  const folder = mkdtempSync(join(tmpdir(), `${options.capsule}-`));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const capsule = await library.get(options.capsule);

  const plan = async (spec: ProjectSpec) => {
    const planned = await planner.plan(withoutAcceptance(spec));
    const [deliverable] = planned.deliverables;
    const graph = planned.graphs[deliverable?.id ?? ""];
    if (deliverable === undefined || graph === undefined) throw new Error(`no plan for ${spec.name}`);
    expect(planned.deliverables.map((one) => one.capsule)).toEqual([options.capsule]);
    return { graph, parameters: deliverable.parameters };
  };

  const bench: Bench = {
    examples: await examplesOf(options.capsule),
    specOf: (parameters) =>
      ProjectSpec.parse({ name: "delivered", goals: [options.goal], budget: { tokens: 10_000_000 }, parameters }),
    async deliver(spec, after) {
      const tree = mkdtempSync(join(folder, "tree-"));
      const visible = withoutAcceptance(spec);
      const { graph, parameters } = await plan(spec);
      const { problems, order } = validateGraph(graph);
      expect(problems).toEqual([]);
      const scaffold = renderer.scaffold(capsule, parameters, visible);
      for (const { path, content } of scaffold) {
        mkdirSync(dirname(join(tree, path)), { recursive: true });
        writeFileSync(join(tree, path), content);
      }
      const probes = renderer.probes(capsule, parameters, visible);
      const dependencies = await install(capsule.capsule.dependencies, scaffold, options.dependencies);
      for (const id of order) {
        const task = graph.nodes.find((node) => node.id === id) as TaskNode;
        const once = { attempt: 1, feedback: [], signal: new AbortController().signal, progress: () => {} };
        const budget_tokens = task.estimated_tokens;
        await agent.run({ ...once, budget_tokens, task, spec: visible, capsule, parameters, workspace: tree });
        await after?.(task, { tree, probes, dependencies });
      }
      return { tree, probes, dependencies };
    },
    grade(delivery, checks, { acceptance = [], mutants_max = 120 } = {}) {
      const mutation = { mutants_max, floor: 0.8, seed: 1, wall_ms: 120_000 };
      return evaluator.evaluate({ ...delivery, checks: [...checks], acceptance, changed: [], mutation });
    },
    async expectEachTaskToPass(spec) {
      await bench.deliver(spec, async (task, delivery) => {
        const probes = delivery.probes.filter(({ id }) => task.checks.includes(id));
        const checks = task.checks.filter((check) => evaluator.checks.includes(check));
        expect([task.id, probes.length + checks.length]).toEqual([task.id, task.checks.length]);
        const results = await bench.grade({ ...delivery, probes }, checks);
        expect([task.id, ...failures(results)]).toEqual([task.id]);
        expect(results.some(({ metric }) => metric === "correctness")).toBe(true);
        const proven = new Set(results.flatMap(({ check, proves }) => [check, ...proves]));
        for (const { id, check } of task.success_criteria) expect(proven).toContain(check ?? id);
      });
    },
  };
  return bench;
}

/** What failed, with what the check said. */
export function failures(results: readonly CheckResult[]): string[] {
  return results.filter(({ passed }) => !passed).map(({ check, excerpt }) => `${check}: ${excerpt}`);
}

async function examplesOf(capsule: string): Promise<[string, ProjectSpec][]> {
  const examples: [string, ProjectSpec][] = [];
  for (const name of readdirSync(join(ROOT, "examples")).filter((file) => file.endsWith(".yaml"))) {
    const spec = parseSpec(readFileSync(join(ROOT, "examples", name), "utf8"), name);
    const { deliverables } = await planner.plan(withoutAcceptance(spec));
    if (deliverables.length === 1 && deliverables[0]?.capsule === capsule) examples.push([name, spec]);
  }
  return examples;
}

async function install(
  locks: { [kind in DependencyKind]?: string | undefined },
  scaffold: readonly { path: string; content: string | Uint8Array }[],
  installer: DependencyInstaller | undefined,
): Promise<Delivery["dependencies"]> {
  const folders: Delivery["dependencies"] = {};
  for (const [kind, lock] of Object.entries(locks) as [DependencyKind, string][]) {
    if (installer === undefined) throw new Error(`${lock} needs an installer of dependencies`);
    const beside = new Set([lock, lock.replace(/[^/]+$/, "package.json")]);
    const files = scaffold.filter(({ path }) => path === lock || (kind === "node" && beside.has(path)));
    const named = files.map(({ path, content }) => ({ path, content: String(content) }));
    folders[kind] = (await installer.install(kind, named)).folder;
  }
  return folders;
}
