import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import type { CapsuleTest, LoadedCapsule } from "../domain/capsule.ts";
import type { CapsuleTestCase } from "../domain/capsule-report.ts";
import { KamachiqError } from "../domain/errors.ts";
import { validateGraph } from "../domain/graph.ts";
import { specFor, type VisibleSpec } from "../domain/intake.ts";
import type { Deliverable, TaskGraph, TaskNode } from "../domain/plan.ts";
import { lockFiles } from "../domain/provision.ts";
import type { CapsuleLibrary } from "../ports/capsule-library.ts";
import type { CodingAgent } from "../ports/coding-agent.ts";
import type { DependencyInstaller } from "../ports/dependencies.ts";
import type { Evaluator } from "../ports/evaluator.ts";
import type { Planner } from "../ports/planner.ts";
import type { Renderer } from "../ports/renderer.ts";
import { casesOf } from "./capsule-check.ts";
import { readBelow, writeBelow } from "./workspace-files.ts";

/** As for a project's whole tree, on a machine that does nothing else. */
const MUTATION = { mutants_max: 120, floor: 0.8, seed: 1, wall_ms: 120_000 };

export interface CapsuleTester {
  /** With the capsule in force: the library has it, the planner plans with that library. */
  library: CapsuleLibrary;
  planner: Planner;
  agent: CodingAgent;
  renderer: Renderer;
  evaluators: readonly Evaluator[];
  dependencies: DependencyInstaller;
  /** Folder for the delivered trees, which are thrown away. */
  scratch: string;
  signal: AbortSignal;
}

/** Delivers every case of a capsule as a project would and grades it. What fails is in the answer, and does not throw. */
export async function testCapsule(loaded: LoadedCapsule, tester: CapsuleTester): Promise<CapsuleTestCase[]> {
  const cases: CapsuleTestCase[] = [];
  for (const { spec, expect } of casesOf(loaded)) {
    const started = performance.now();
    const one: CapsuleTestCase = { name: spec.name, problems: [], files: 0, checks: [], ungraded: [], duration_ms: 0 };
    try {
      await runCase(spec, expect, tester, one);
    } catch (error) {
      if (!(error instanceof KamachiqError)) throw error;
      one.problems.push(error.message, ...error.problems);
    }
    one.duration_ms = Math.round(performance.now() - started);
    cases.push(one);
  }
  return cases;
}

async function runCase(
  spec: VisibleSpec,
  expect: CapsuleTest["expect"] | undefined,
  tester: CapsuleTester,
  into: CapsuleTestCase,
): Promise<void> {
  const plan = await tester.planner.plan(spec);
  const found = new Set<string>();
  for (const deliverable of plan.deliverables) {
    const graph = plan.graphs[deliverable.id];
    if (graph === undefined) throw new KamachiqError(`${deliverable.id} has no graph.`, { code: "graph_invalid" });
    const { problems, order } = validateGraph(graph);
    into.problems.push(...problems);
    if (problems.length > 0) continue;
    const tree = await mkdtemp(join(tester.scratch, "capsule-test-"));
    try {
      const delivery = await deliver({ deliverable, graph, order, tree, spec: specFor(spec, deliverable) }, tester);
      for (const path of delivery.files) found.add(path);
      into.files += delivery.files.size;
      into.problems.push(...(await textProblems(tree, delivery.files, expect)));
      await grade(delivery, tree, tester, into);
    } finally {
      await rm(tree, { recursive: true, force: true });
    }
  }
  const wanted = [...(expect?.files ?? []), ...Object.keys(expect?.contains ?? {})];
  into.problems.push(...wanted.filter((path) => !found.has(path)).map((path) => `${path} was not delivered.`));
}

interface Delivery {
  loaded: LoadedCapsule;
  parameters: Record<string, unknown>;
  spec: VisibleSpec;
  files: Set<string>;
}

/** The scaffold, then every task by the template agent, which refuses a path that its task does not own. */
async function deliver(
  work: { deliverable: Deliverable; graph: TaskGraph; order: string[]; tree: string; spec: VisibleSpec },
  { library, renderer, agent, signal }: CapsuleTester,
): Promise<Delivery> {
  const { deliverable, graph, order, tree, spec } = work;
  const { capsule = "", capsule_version, capsule_digest, parameters } = deliverable;
  const loaded = await library.get(capsule, capsule_version, capsule_digest);
  const files = new Set<string>();
  for (const { path, content } of renderer.scaffold(loaded, parameters, spec)) {
    await writeBelow(tree, path, content);
    files.add(path);
  }
  const nodes = new Map(graph.nodes.map((node) => [node.id, node]));
  for (const id of order) {
    const task = nodes.get(id) as TaskNode; // the order is of these nodes
    const attempt = { attempt: 1, feedback: [], budget_tokens: task.estimated_tokens, progress: () => {} };
    const given = { task, spec, capsule: loaded, parameters, workspace: tree };
    for (const path of (await agent.run({ ...given, ...attempt, signal })).files) files.add(path);
  }
  return { loaded, parameters, spec, files };
}

async function textProblems(
  tree: string,
  delivered: ReadonlySet<string>,
  expect: CapsuleTest["expect"] | undefined,
): Promise<string[]> {
  const problems: string[] = [];
  for (const [path, texts] of Object.entries(expect?.contains ?? {})) {
    if (!delivered.has(path)) continue;
    const content = (await readBelow(tree, path)) ?? "";
    problems.push(
      ...texts
        .filter((text) => !content.includes(text))
        .map((text) => `${path} does not contain ${JSON.stringify(text)}.`),
    );
  }
  return problems;
}

/** Runs every check that some task names, on the whole tree. */
async function grade(
  { loaded, parameters, spec }: Delivery,
  tree: string,
  { evaluators, renderer, dependencies, signal }: CapsuleTester,
  into: CapsuleTestCase,
): Promise<void> {
  const { capsule } = loaded;
  const evaluator = evaluators.find(({ stack }) => stack === capsule.stack);
  if (evaluator === undefined) {
    into.ungraded.push(capsule.stack ?? capsule.id);
    return;
  }
  const named = new Set(capsule.tasks.flatMap(({ checks }) => checks));
  const installed = await Promise.all(
    lockFiles(capsule, renderer.scaffold(loaded, parameters, spec)).map(({ kind, files }) =>
      dependencies.install(kind, files, signal),
    ),
  );
  const results = await evaluator.evaluate({
    tree,
    checks: evaluator.checks.filter((check) => named.has(check)),
    probes: renderer.probes(loaded, parameters, spec),
    acceptance: [],
    changed: [],
    dependencies: Object.fromEntries(installed.map(({ kind, folder }) => [kind, folder])),
    mutation: MUTATION,
    signal,
  });
  for (const { check, passed, value, duration_ms, excerpt } of results) {
    into.checks.push({ check, passed, value, duration_ms });
    if (!passed) into.problems.push(`${check}: ${excerpt}`);
  }
}
