import { fileURLToPath } from "node:url";
import type { Sandbox } from "../../ports/sandbox.ts";
import { HARNESS as PYTHON_HARNESS, type ReviewPython } from "../evaluator-python/run.ts";
import type { Run } from "../evaluator-shared/results.ts";

/** Scripts that run inside the sandbox: read-only there, outside the tree that they examine. */
export const HARNESS = fileURLToPath(new URL("harness", import.meta.url));

/** One tree of documentation under examination. */
export interface Examination {
  sandbox: Sandbox;
  python: ReviewPython;
  tree: string;
  /** Absolute folder of the packages that the project's lock file names: the site generator and the Markdown linter. */
  packages: string | undefined;
  signal: AbortSignal | undefined;
}

/** Answers how to run commands in the tree: `python` is the review environment's, the project's packages are importable. */
export function runnerOf({ sandbox, python, tree, packages, signal }: Examination): Run {
  const installed = packages === undefined ? [] : [packages];
  return async (argv, options = {}) => {
    const result = await sandbox.run({
      argv,
      workspace: tree,
      readOnlyPaths: [...python.readOnlyPaths, HARNESS, PYTHON_HARNESS, ...installed],
      binPaths: [python.bin, ...installed.map((folder) => `${folder}/bin`)],
      env: {
        PYTHONPATH: [`${sandbox.inside(tree)}/src`, ...installed].join(":"),
        PYTHONHASHSEED: "0",
        PYTHONDONTWRITEBYTECODE: "1",
        NO_COLOR: "1",
      },
      ...(options.stdin === undefined ? {} : { stdin: options.stdin }),
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      ...(options.readOnly === undefined ? {} : { readOnly: options.readOnly }),
      ...(signal === undefined ? {} : { signal }),
    });
    signal?.throwIfAborted();
    return result;
  };
}
