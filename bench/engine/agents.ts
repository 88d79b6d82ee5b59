import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { CodingAgent } from "../../src/ports/coding-agent.ts";
import type { Evaluator } from "../../src/ports/evaluator.ts";

/** Bytes of every output, as the issue on execution says. */
const OUTPUT_BYTES = 2_048;

/** Sleeps as long as its task says, and returns bytes; writes one file where the task owns a path. */
export const benchAgent: CodingAgent = {
  name: "bench",
  async run({ task, workspace, signal }) {
    const seconds = Number(task.inputs["seconds"] ?? 0);
    if (seconds > 0) await sleep(seconds * 1_000, undefined, { signal });
    const output = randomBytes(OUTPUT_BYTES / 2).toString("hex");
    const [path] = task.paths;
    if (path !== undefined) await writeFile(join(workspace, path), output);
    const usage = { input_tokens: 60, output_tokens: 40, source: "tokenizer" as const, usd: 0 };
    return { summary: output, usage, files: path === undefined ? [] : [path] };
  },
};

/** One check that measures nothing but the engine around it. */
export const benchEvaluator: Evaluator = {
  stack: "bench",
  checks: ["output"],
  mergeChecks: () => [],
  detect: () => false,
  evaluate: async ({ checks }) =>
    checks.map((check) => ({
      check,
      metric: "correctness",
      passed: true,
      value: 1,
      veto: true,
      proves: [],
      command: "none",
      exit_code: 0,
      duration_ms: 0,
      excerpt: "",
      held_out: false,
      counts: {},
    })),
};
