import { rm } from "node:fs/promises";
import type { Evaluator } from "../ports/evaluator.ts";
import type { Sandbox } from "../ports/sandbox.ts";
import { examine } from "./evaluator-shared/examine.ts";
import { digestsOf } from "./evaluator-shared/tampering.ts";
import { readmeCheck } from "./evaluator-typescript/readme-check.ts";
import { type Examination, type ReviewNode, runnerOf } from "./evaluator-typescript/run.ts";
import { isTest, sourcesOf } from "./evaluator-typescript/sources.ts";
import { compileCheck, docsCheck, formatCheck, lintCheck, type Tree } from "./evaluator-typescript/static-checks.ts";
import { MUTATE, mutantsCheck, testChecks } from "./evaluator-typescript/test-checks.ts";
import { linkModules, makeLaunchers } from "./evaluator-typescript/workspace.ts";

const CHECKS = ["compile", "tests", "lint", "format", "docs", "readme", "coverage", "mutants"] as const;
const TYPESCRIPT = /\.[cm]?ts$/;

/**
 * Grades TypeScript projects whose sources Node runs as they are: every number comes from a command that ran in the
 * sandbox on this tree, with the product's own Node, compiler, linter and formatter.
 */
export function createTypeScriptEvaluator({ sandbox, tools }: { sandbox: Sandbox; tools: ReviewNode }): Evaluator {
  return {
    stack: "typescript",
    checks: CHECKS,
    detect: (files) => files.some((file) => file === "tsconfig.json" || TYPESCRIPT.test(file)),
    mergeChecks(files) {
      if (!files.some((file) => TYPESCRIPT.test(file))) return [];
      return files.some(isTest) ? ["compile", "tests"] : ["compile"];
    },
    async evaluate(request) {
      const { tree, signal } = request;
      const modules = request.dependencies.node;
      const launchers = await makeLaunchers(tools);
      try {
        await linkModules(tree, modules);
        const examination: Examination = { sandbox, tools, tree, launchers, modules, signal };
        const run = runnerOf(examination);
        const sources = sourcesOf((await digestsOf(tree)).keys());
        const on: Tree = { run, tools, tree, launchers, sources };
        return await examine<(typeof CHECKS)[number]>(request, {
          run,
          steps: (wanted) => [
            ...(wanted("compile") ? [async () => [await compileCheck(on)]] : []),
            ...(wanted("lint") ? [async () => [await lintCheck(on)]] : []),
            ...(wanted("format") ? [async () => [await formatCheck(on)]] : []),
            ...(wanted("docs") ? [async () => [await docsCheck(on)]] : []),
            ...(wanted("tests") || wanted("coverage") || wanted("mutants")
              ? [() => testChecks(on, wanted("coverage"))]
              : []),
            ...(wanted("readme") ? [async () => [await readmeCheck(examination)]] : []),
          ],
          mutants: { command: MUTATE, check: () => mutantsCheck(on, request) },
        });
      } finally {
        await rm(launchers, { recursive: true, force: true });
      }
    },
  };
}
