import type { CheckResult } from "../domain/review.ts";
import type { Evaluator } from "../ports/evaluator.ts";
import type { Sandbox } from "../ports/sandbox.ts";
import { type Examination, runnerOf } from "./evaluator-docs/run.ts";
import { siteChecks } from "./evaluator-docs/site-checks.ts";
import { both, examplesCheck, markdownFormat, markdownLint } from "./evaluator-docs/source-checks.ts";
import { MUTATE, mutantsCheck, testsCheck } from "./evaluator-docs/test-checks.ts";
import type { ReviewPython } from "./evaluator-python/run.ts";
import { formatCheck, lintCheck, readTree } from "./evaluator-python/static-checks.ts";
import { examine } from "./evaluator-shared/examine.ts";
import { consoleExamples, readmeOf, readmeResult } from "./evaluator-shared/readme.ts";
import type { Run } from "./evaluator-shared/results.ts";

const CHECKS = ["build", "links", "structure", "examples", "tests", "lint", "format", "readme", "mutants"] as const;
const START_PAGE = /^(?:docs\/|docs\/source\/|doc\/|source\/)?index\.(?:md|rst)$/;
const CONFIGURATION = /^(?:docs\/|docs\/source\/|doc\/|source\/)?conf\.py$/;
const TEST_FILE = /(^|\/)(test_[^/]*|[^/]*_test)\.py$/;

/**
 * Grades documentation sites that Sphinx builds: every number comes from a command that ran in the sandbox on this tree.
 * The generator and the Markdown linter (rumdl) are those of the project's lock file, the rest is the review's own.
 */
export function createDocsEvaluator({ sandbox, python }: { sandbox: Sandbox; python: ReviewPython }): Evaluator {
  return {
    stack: "docs",
    checks: CHECKS,
    detect: (files) => files.some((file) => CONFIGURATION.test(file)),
    mergeChecks(files) {
      if (!files.some((file) => START_PAGE.test(file))) return []; // a site without its start page can't be built yet
      return files.some((file) => TEST_FILE.test(file)) ? ["build", "tests"] : ["build"];
    },
    async evaluate(request) {
      const { tree, signal } = request;
      const packages = request.dependencies.python;
      const on: Examination = { sandbox, python, tree, packages, signal };
      const run = runnerOf(on);
      const facts = await readTree(on);
      return examine<(typeof CHECKS)[number]>(request, {
        run,
        steps: (wanted) => [
          ...(wanted("lint") ? [async () => [both(await markdownLint(run), await lintCheck(on, facts))]] : []),
          ...(wanted("format") ? [async () => [both(await markdownFormat(run), await formatCheck(on))]] : []),
          ...(wanted("build") || wanted("links") || wanted("structure") ? [() => siteChecks(run, wanted)] : []),
          ...(wanted("examples") ? [async () => [await examplesCheck(run)]] : []),
          ...(wanted("tests") || wanted("mutants") ? [async () => [await testsCheck(run, facts.problems)]] : []),
          ...(wanted("readme") ? [async () => [await readmeCheck(tree, run)]] : []),
        ],
        mutants: { command: MUTATE, check: () => mutantsCheck(run, packages, request) },
      });
    },
  };
}

async function readmeCheck(tree: string, run: Run): Promise<CheckResult> {
  const text = await readmeOf(tree);
  const none = text === null ? "There is no README.md." : "README.md has no ```console example.";
  return readmeResult(consoleExamples(text ?? "", run), none);
}
