import { fileURLToPath } from "node:url";
import type { Sandbox } from "../../ports/sandbox.ts";
import type { Run } from "../evaluator-shared/results.ts";

/** Scripts that run inside the sandbox: read-only there, outside the tree that they examine. */
export const HARNESS = fileURLToPath(new URL("harness", import.meta.url));
/** V8 reserves far more address space than it uses, and every process of Node has a dozen threads. */
const LIMITS = { memory_bytes: 4 * 1024 ** 3, processes: 256 };

/** What reviews TypeScript: the product's own Node and packages, apart from any project's. All paths are absolute. */
export interface ReviewNode {
  /** Node's executable. */
  node: string;
  /** Entry points of the programs, and the module of the parser. */
  tsc: string;
  oxlint: string;
  oxfmt: string;
  parser: string;
  /** Whatever must be visible inside the sandbox for them to run. */
  readOnlyPaths: string[];
}

/** One tree under examination. */
export interface Examination {
  sandbox: Sandbox;
  tools: ReviewNode;
  tree: string;
  /** Folder on the host with the programs that a command finds on PATH: `node` and `tsc`. */
  launchers: string;
  /** The `node_modules` that the tree's link leads to. */
  modules: string | undefined;
  signal: AbortSignal | undefined;
}

/** Answers how to run commands in the tree, `node` and `tsc` being the review's. */
export function runnerOf({ sandbox, tools, tree, launchers, modules, signal }: Examination): Run {
  return async (argv, { limits, ...options } = {}) => {
    const result = await sandbox.run({
      argv,
      workspace: tree,
      readOnlyPaths: [...tools.readOnlyPaths, HARNESS, launchers, ...(modules === undefined ? [] : [modules])],
      binPaths: [launchers],
      env: { NO_COLOR: "1" },
      ...(options.stdin === undefined ? {} : { stdin: options.stdin }),
      ...(options.readOnly === undefined ? {} : { readOnly: options.readOnly }),
      limits: { ...LIMITS, ...limits },
      ...(signal === undefined ? {} : { signal }),
    });
    signal?.throwIfAborted();
    return result;
  };
}

/** Path of a script of the harness: TypeScript in development, JavaScript once it is built. */
export function harnessScript(name: string): string {
  return `${HARNESS}/${name}${import.meta.url.endsWith(".ts") ? ".mts" : ".mjs"}`;
}
