// What the capsule delivers for many sets of parameters, graded by the real evaluator in the real sandbox.
import { describe, expect, it } from "vitest";
import { failures, library, openBench, pythonEvaluator } from "./support/deliver.ts";

const evaluator = await pythonEvaluator();
const bench = await openBench({ capsule: "python_cli", goal: "Create Python CLI calculator", evaluator });
const { capsule } = await library.get("python_cli");

const ALL = Object.keys(capsule.catalog["operations"] as object);
const WITHOUT_MUTANTS = evaluator.checks.filter((check) => check !== "mutants");

describe("python_cli", () => {
  it.each(bench.examples)(
    "delivers examples/%s with every check, held-out ones too, and tests that kill over 90 % of the mutants",
    async (_, spec) => {
      const { acceptance } = spec;
      const results = await bench.grade(await bench.deliver(spec), evaluator.checks, { acceptance });
      expect(failures(results)).toEqual([]);
      expect(results.filter(({ held_out }) => held_out)).toHaveLength(acceptance.length);
      expect(results.find(({ check }) => check === "mutants")?.value).toBeGreaterThan(0.9);
    },
  );

  it("lets every task pass its own checks on what is there when it ends", async () => {
    const operations = ["add", "divide", "average"];
    await bench.expectEachTaskToPass(bench.specOf({ operations, batch: true, json_output: true, license: "MIT" }));
  });

  it.each([
    ["all operations", { operations: ALL, batch: true, json_output: true, precision: 50 }],
    [
      "the longest names",
      { operations: ALL, package: `p${"x".repeat(29)}`, command: `c${"y".repeat(39)}`, batch: true, json_output: true },
    ],
    ["one digit, cut off", { operations: ["root", "power", "logarithm", "divide"], precision: 1, rounding: "down" }],
    [
      "no places, ties up",
      { operations: ["average", "divide", "percent"], decimal_places: 0, rounding: "half_up", batch: true },
    ],
    ["thirty places", { operations: ["divide", "multiply", "maximum"], decimal_places: 30, json_output: true }],
    [
      "hostile texts",
      { description: `"""'''\\ {{ x }} {% y %} # $(id) \`ls\` <b> 中文 é %s \u202e`, author: `O'Neil "x" \\` },
    ],
    ["a description at the line's end", { description: "d".repeat(86) }],
    ["a description beyond the line's end", { description: "中".repeat(44) }],
  ])("delivers clean code for %s", async (_, parameters) => {
    const delivery = await bench.deliver(bench.specOf(parameters));
    expect(failures(await bench.grade(delivery, WITHOUT_MUTANTS))).toEqual([]);
  });

  it.each(ALL)("delivers clean code for %s alone", async (operation) => {
    const delivery = await bench.deliver(bench.specOf({ operations: [operation], batch: true, json_output: true }));
    expect(failures(await bench.grade(delivery, ["lint", "format", "tests", "readme"]))).toEqual([]);
  });
});
