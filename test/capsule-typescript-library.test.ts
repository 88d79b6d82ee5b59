// What the capsule delivers for many sets of parameters, graded by the real evaluator in the real sandbox.
import { describe, expect, it } from "vitest";
import { createTypeScriptEvaluator } from "../src/adapters/evaluator-typescript.ts";
import { createBubblewrapSandbox } from "../src/adapters/sandbox-bubblewrap.ts";
import { resolveConfig } from "../src/config/config.ts";
import { findNodeTools } from "../src/stack/component-node.ts";
import { createDependencyInstaller } from "../src/stack/dependencies.ts";
import { failures, openBench } from "./support/deliver.ts";
import { reviewTools } from "./support/review-tools.ts";

const { bubblewrap, python } = await reviewTools();
const sandbox = createBubblewrapSandbox({ bubblewrap: bubblewrap ?? "bwrap" });
const evaluator = createTypeScriptEvaluator({ sandbox, tools: await findNodeTools() });
const bench = await openBench({
  capsule: "typescript_library",
  goal: "A TypeScript library of records",
  evaluator,
  dependencies: createDependencyInstaller({ cache: resolveConfig().cache, python }),
});
const WITHOUT_MUTANTS = evaluator.checks.filter((check) => check !== "mutants");

interface Field {
  name: string;
  type: string;
  description: string;
  [rule: string]: unknown;
}

const field = (name: string, type: string, rules: object = {}): Field => ({
  name,
  type,
  description: `The ${name}`,
  ...rules,
});
const record = (name: string, ...fields: Field[]) => ({ name, description: `One ${name}`, fields });
const EVERY_KIND = [
  field("a", "text"),
  field("b", "integer"),
  field("c", "decimal"),
  field("d", "boolean"),
  field("e", "date"),
  field("f", "choice", { choices: ["x"] }),
];
const HOSTILE = `"""'''\\ {{ x }} {% y %} # $(id) \`ls\` */ @tag <b> 中文 é %s \u202e \${z}`;

describe("typescript_library", () => {
  it("has two examples", () => expect(bench.examples).toHaveLength(2));

  it.each(bench.examples)(
    "delivers examples/%s with every check, held-out ones too, and tests that kill over nine in ten mutants",
    async (_, spec) => {
      const delivery = await bench.deliver(spec);
      const results = await bench.grade(delivery, evaluator.checks, { acceptance: spec.acceptance });
      expect(failures(results)).toEqual([]);
      expect(results.filter(({ held_out }) => held_out)).toHaveLength(spec.acceptance.length);
      expect(results.find(({ check }) => check === "mutants")?.value).toBeGreaterThan(0.9);
    },
  );

  it("lets every task pass its own checks on what is there when it ends", async () => {
    const records = [record("Thing", ...EVERY_KIND), record("Other", field("only", "integer"))];
    await bench.expectEachTaskToPass(bench.specOf({ records, collections: ["sort", "index"], license: "MIT" }));
  });

  it.each<[string, Record<string, unknown>]>([
    ["one field", { records: [record("T", field("x", "boolean"))] }],
    [
      "one kind alone, with a helper",
      { records: [record("T", field("x", "choice", { choices: ["a", "b"] }))], collections: ["sort"] },
    ],
    [
      "the longest names",
      {
        package: `p${"x".repeat(39)}`,
        collections: ["group", "index", "sort"],
        records: ["A", "B", "C"].map((letter) =>
          record(
            `${letter}${"y".repeat(23)}`,
            ...EVERY_KIND.map((one) => ({ ...one, name: `${one.name}${"z".repeat(29)}` })),
          ),
        ),
      },
    ],
    [
      "every limit and default",
      {
        records: [
          record(
            "Limited",
            field("a", "text", { min_length: 3, max_length: 3 }),
            field("b", "text", {
              pattern: "[A-F0-9]{2}(-)?".replace("(-)?", "-?\\.\\d{0,3}x*[._-]+"),
              required: false,
            }),
            field("c", "text", { default: `it's "quoted" \\ ${"w".repeat(80)}`, max_length: 200 }),
            field("d", "integer", { min: -5, max: -5 }),
            field("e", "integer", { min: 0, default: 0 }),
            field("f", "decimal", { min: "-0.000001", max: "0.000001", default: "0.0" }),
            field("g", "date", { min: "1000-01-01", max: "2999-12-31", default: "2026-05-01", required: false }),
            field("h", "boolean", { default: false }),
            field("i", "choice", { choices: ["red green", "a/b", "x.y_z-1"], default: "a/b" }),
            field("j", "choice", { choices: Array.from({ length: 50 }, (_, n) => `choice ${n}`), required: false }),
            field("k", "decimal", { max: "-3" }),
            field("l", "text", { min_length: 1, max_length: 1, required: false }),
          ),
        ],
      },
    ],
    [
      "hostile texts",
      {
        description: HOSTILE,
        author: `O'Neil "x" \\`,
        license: "MIT",
        records: [
          {
            name: "Hostile",
            description: HOSTILE,
            fields: [
              field("a", "text", { description: HOSTILE, default: HOSTILE.replace("\u202e", "") }),
              field("b", "choice", { description: "中".repeat(44), choices: ["中文".length.toString()] }),
              field("e0", "text", { default: "😀".repeat(3), min_length: 3, max_length: 3 }),
              field("c", "integer", { description: "d".repeat(78) }),
              field("d", "integer", { description: "d".repeat(79) }),
              field("e", "integer", { description: "d".repeat(80) }),
            ],
          },
        ],
      },
    ],
    [
      "a description of any length",
      {
        records: [75, 76, 77, 78, 79, 80, 81, 82, 120].map((n) => ({
          ...record(`R${n}`, field("x", "integer")),
          description: "d".repeat(n),
        })),
      },
    ],
  ])("delivers clean code for %s", async (_, parameters) => {
    const delivery = await bench.deliver(bench.specOf(parameters));
    expect(failures(await bench.grade(delivery, WITHOUT_MUTANTS))).toEqual([]);
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    [
      "a record twice",
      { records: [record("Ab", field("x", "text")), record("AB", field("x", "text"))] },
      /AB is there twice/,
    ],
    ["a field twice", { records: [record("T", field("x", "text"), field("x", "text"))] }, /T has the field x twice/],
    [
      "bounds the wrong way round",
      { records: [record("T", field("x", "integer", { min: 2, max: 1 }))] },
      /min: 2 is more than max 1/,
    ],
    [
      "decimal bounds as numbers",
      { records: [record("T", field("x", "decimal", { min: 2 }))] },
      /text such as "12\.50"/,
    ],
    [
      "a bound of a text",
      { records: [record("T", field("x", "text", { min: 2 }))] },
      /is only for integer, decimal, date/,
    ],
    ["a choice of nothing", { records: [record("T", field("x", "choice"))] }, /x is a choice of nothing/],
    [
      "a default outside",
      { records: [record("T", field("x", "decimal", { max: "1", default: "1.01" }))] },
      /outside of the field's bounds/,
    ],
    [
      "a default that is no choice",
      { records: [record("T", field("x", "choice", { choices: ["a"], default: "b" }))] },
      /none of the choices/,
    ],
    [
      "a default that is too long",
      { records: [record("T", field("x", "text", { max_length: 1, default: "ab" }))] },
      /its length is 2/,
    ],
    [
      "a count the wrong way round",
      { records: [record("T", field("x", "text", { pattern: "a{3,2}" }))] },
      /wrong way round/,
    ],
    ["a pattern with a group", { records: [record("T", field("x", "text", { pattern: "(a+)+" }))] }, /no groups/],
    ["a name of JavaScript's own", { records: [record("Promise", field("x", "text"))] }, /records\[0\]\.name/],
    ["a module of Node", { package: "fs", records: [record("T", field("x", "text"))] }, /no module of Node/],
    [
      "a day that is none",
      { records: [record("T", field("x", "date", { min: "2026-02-30" }))] },
      /text such as "2026-01-31"/,
    ],
  ])("refuses %s", async (_, parameters, reason) => {
    const refusal = await bench.deliver(bench.specOf(parameters)).catch((error: unknown) => error);
    const { message = "", problems = [] } = refusal as { message?: string; problems?: string[] };
    expect([message, ...problems].join("\n")).toMatch(reason);
  });
});
