import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CheckResult } from "../domain/review.ts";
import type { EvaluationRequest, Evaluator } from "../ports/evaluator.ts";
import type { Sandbox } from "../ports/sandbox.ts";
import { commandCheck, readmeCheck, writeLaunchers } from "./evaluator-python/command-checks.ts";
import { type Examination, type ReviewPython, pooled } from "./evaluator-python/run.ts";
import {
  type TreeFacts,
  compileCheck,
  docstringsCheck,
  formatCheck,
  lintCheck,
  readTree,
} from "./evaluator-python/static-checks.ts";
import { mutantsCheck, mutantsNotRun, testChecks } from "./evaluator-python/test-checks.ts";
import { changedFiles, digestsOf, tamperedCheck } from "./evaluator-python/tampering.ts";

const CHECKS = ["compile", "tests", "lint", "format", "docstrings", "readme", "coverage", "mutants"] as const;
/** Sandboxes at once. */
const WIDTH = 2;
const TEST_FILE = /(^|\/)(test_[^/]*|[^/]*_test)\.py$/;

/** Grades Python projects: every number comes from a command that ran in the sandbox on this tree. */
export function createPythonEvaluator(tools: { sandbox: Sandbox; python: ReviewPython }): Evaluator {
  return {
    stack: "python",
    checks: CHECKS,
    detect: (files) => files.some((file) => file === "pyproject.toml" || file.endsWith(".py")),
    mergeChecks(files) {
      if (!files.some((file) => file.endsWith(".py"))) return [];
      return files.some((file) => TEST_FILE.test(file)) ? ["compile", "tests"] : ["compile"];
    },
    async evaluate(request) {
      const launchers = await mkdtemp(join(tmpdir(), "kamachiq-launchers-"));
      try {
        const { tree, signal, dependencies } = request;
        const on: Examination = { ...tools, tree, signal, dependencies: dependencies.python };
        const before = await digestsOf(request.tree);
        const facts = await readTree(on);
        await writeLaunchers(launchers, facts.scripts, tools.python.python);
        const results = await runChecks({ ...on, launchers }, facts, request);
        const changed = changedFiles(before, await digestsOf(request.tree));
        return changed.length === 0 ? results : [...results, tamperedCheck(changed)];
      } finally {
        await rm(launchers, { recursive: true, force: true });
      }
    },
  };
}

/** What runs nothing of the tree comes first; mutants last, and only when the tests pass. Results in the order of request. */
async function runChecks(on: Examination, facts: TreeFacts, request: EvaluationRequest): Promise<CheckResult[]> {
  const wanted = (name: (typeof CHECKS)[number]): boolean => request.checks.includes(name);
  const needsTests = wanted("tests") || wanted("coverage") || wanted("mutants");
  const steps: (() => Promise<CheckResult[]>)[] = [
    ...(wanted("lint") ? [async () => [await lintCheck(on, facts)]] : []),
    ...(wanted("format") ? [async () => [await formatCheck(on)]] : []),
    ...(needsTests ? [() => testChecks(on, facts, wanted("coverage"))] : []),
    ...(wanted("docstrings") ? [async () => [await docstringsCheck(on)]] : []),
    ...(wanted("readme") ? [async () => [await readmeCheck(on)]] : []),
    ...request.probes.map((probe) => async () => [
      await commandCheck(on, probe, { proves: probe.proves, heldOut: false }),
    ]),
    ...request.acceptance.map((check) => async () => [await commandCheck(on, check, { proves: [], heldOut: true })]),
  ];
  const results = [compileCheck(facts), ...(await pooled(WIDTH, steps)).flat()];
  if (wanted("mutants")) {
    const green = results.some(({ check, held_out, passed }) => check === "tests" && !held_out && passed);
    results.push(green ? await mutantsCheck(on, request) : mutantsNotRun());
  }
  const asked = new Set<string>(request.checks);
  return results.filter(({ check, text }) => text !== undefined || asked.has(check));
}
