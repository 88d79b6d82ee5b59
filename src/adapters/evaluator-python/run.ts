import { fileURLToPath } from "node:url";
import type { Sandbox, SandboxResult } from "../../ports/sandbox.ts";
import type { RunOptions } from "../evaluator-shared/results.ts";

/** Scripts that run inside the sandbox: read-only there, outside the tree that they examine. */
export const HARNESS = fileURLToPath(new URL("harness", import.meta.url));

/** The Python of the reviews: an environment with pytest, coverage, ruff and interrogate, apart from any project's. */
export interface ReviewPython {
  /** Absolute path of the environment's interpreter. */
  python: string;
  /** Folder of its programs, put first on PATH. */
  bin: string;
  /** Whatever must be visible inside the sandbox for it to run. */
  readOnlyPaths: string[];
}

/** One tree under examination. */
export interface Examination {
  sandbox: Sandbox;
  python: ReviewPython;
  tree: string;
  signal: AbortSignal | undefined;
  /** Folder on the host with launchers of the project's console entry points; made after the metadata was read. */
  launchers?: string;
  /** Absolute folder of the packages that the project's lock file names. */
  dependencies?: string | undefined;
}

/** How a command runs. */
interface PythonRunOptions extends RunOptions {
  /** Whether modules of the tree and its dependencies are on the path of imports; true unless given. */
  importable?: boolean;
}

/** For what judges a tree without running it: a module of it may be called `json` or `sitecustomize`. */
export const TREE_APART: PythonRunOptions = { readOnly: true, importable: false };

/**
 * Runs a command in the tree, `python` being the review environment's unless the tree has a program of that name, `src`
 * and after it the project's dependencies importable. Throws when aborted.
 */
export async function run(on: Examination, argv: string[], options: PythonRunOptions = {}): Promise<SandboxResult> {
  const { importable = true } = options;
  const launchers = on.launchers === undefined ? [] : [on.launchers];
  const dependencies = on.dependencies === undefined ? [] : [on.dependencies];
  const result = await on.sandbox.run({
    argv,
    workspace: on.tree,
    readOnlyPaths: [...on.python.readOnlyPaths, HARNESS, ...dependencies, ...launchers],
    binPaths: [...launchers, on.python.bin],
    env: {
      ...(importable ? { PYTHONPATH: [`${on.sandbox.inside(on.tree)}/src`, ...dependencies].join(":") } : {}),
      PYTHONHASHSEED: "0",
      PYTHONDONTWRITEBYTECODE: "1",
      NO_COLOR: "1",
    },
    ...(options.stdin === undefined ? {} : { stdin: options.stdin }),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.readOnly === undefined ? {} : { readOnly: options.readOnly }),
    ...(on.signal === undefined ? {} : { signal: on.signal }),
  });
  on.signal?.throwIfAborted();
  return result;
}
