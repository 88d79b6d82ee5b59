// What the capsule delivers for many sets of parameters, with its real dependencies, graded in the real sandbox.
import { describe, expect, it } from "vitest";
import { matchCapsules } from "../src/adapters/capsule-match.ts";
import { resolveConfig } from "../src/config/config.ts";
import type { InputError } from "../src/domain/errors.ts";
import { ProjectSpec } from "../src/domain/intake.ts";
import { createDependencyInstaller } from "../src/stack/dependencies.ts";
import { failures, library, openBench, pythonEvaluator } from "./support/deliver.ts";
import { reviewTools } from "./support/review-tools.ts";

const evaluator = await pythonEvaluator();
const dependencies = createDependencyInstaller({
  cache: resolveConfig().cache,
  python: (await reviewTools()).python,
});
const goal = "Build a microservices platform with a gateway and a worker for events";
const bench = await openBench({ capsule: "multi_service", goal, evaluator, dependencies });

describe("multi_service", () => {
  it.each(bench.examples)(
    "delivers examples/%s with every check, held-out ones too, and tests that kill over 80 % of the mutants",
    { timeout: 240_000 },
    async (_, spec) => {
      const { acceptance } = spec;
      const results = await bench.grade(await bench.deliver(spec), evaluator.checks, { acceptance });
      for (const { check, duration_ms, value, counts } of results) console.log(check, Math.round(duration_ms), value, counts);
      console.log(results.find(({ check }) => check === "mutants")?.excerpt);
      expect(failures(results)).toEqual([]);
      expect(results.filter(({ held_out }) => held_out)).toHaveLength(acceptance.length);
    },
  );
});
