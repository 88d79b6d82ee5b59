import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Evaluator } from "../ports/evaluator.ts";
import type { Sandbox } from "../ports/sandbox.ts";
import { writeLaunchers } from "./evaluator-python/launchers.ts";
import { type Examination, type ReviewPython, run } from "./evaluator-python/run.ts";
import { compileCheck, docstringsCheck, formatCheck, lintCheck, readTree } from "./evaluator-python/static-checks.ts";
import { MUTATE, mutantsCheck, testChecks } from "./evaluator-python/test-checks.ts";
import { examine } from "./evaluator-shared/examine.ts";
import { consoleExamples, readmeOf, readmeResult } from "./evaluator-shared/readme.ts";
import type { Run } from "./evaluator-shared/results.ts";

const CHECKS = ["compile", "tests", "lint", "format", "docstrings", "readme", "coverage", "mutants"] as const;
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
        const bare: Examination = { ...tools, tree, signal, dependencies: dependencies.python };
        const facts = await readTree(bare);
        await writeLaunchers(launchers, facts.scripts, tools.python.python);
        const on: Examination = { ...bare, launchers };
        const runHere: Run = (argv, options) => run(on, argv, options);
        return await examine<(typeof CHECKS)[number]>(request, {
          run: runHere,
          steps: (wanted) => [
            ...(wanted("compile") ? [async () => [compileCheck(facts)]] : []),
            ...(wanted("lint") ? [async () => [await lintCheck(on, facts)]] : []),
            ...(wanted("format") ? [async () => [await formatCheck(on)]] : []),
            ...(wanted("tests") || wanted("coverage") || wanted("mutants")
              ? [() => testChecks(on, facts, wanted("coverage"))]
              : []),
            ...(wanted("docstrings") ? [async () => [await docstringsCheck(on)]] : []),
            ...(wanted("readme") ? [async () => [await readmeCheck(on.tree, runHere)]] : []),
          ],
          mutants: { command: MUTATE, check: () => mutantsCheck(on, request) },
        });
      } finally {
        await rm(launchers, { recursive: true, force: true });
      }
    },
  };
}

async function readmeCheck(tree: string, run: Run) {
  const text = await readmeOf(tree);
  const none = text === null ? "There is no README.md." : "README.md has no ```console example.";
  return readmeResult(consoleExamples(text ?? "", run), none);
}
