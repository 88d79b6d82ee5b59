// What the capsule delivers for many sets of parameters, graded by the real evaluator in the real sandbox.
import { describe, expect, it } from "vitest";
import { matchCapsules } from "../src/adapters/capsule-match.ts";
import { ProjectSpec } from "../src/domain/intake.ts";
import { failures, library, openBench, pythonEvaluator } from "./support/deliver.ts";

const evaluator = await pythonEvaluator();
const goal = "Create a Python library of inventory records";
const bench = await openBench({ capsule: "python_library", goal, evaluator });
const WITHOUT_MUTANTS = evaluator.checks.filter((check) => check !== "mutants");

type Field = Record<string, unknown> & { name: string; type: string };
const record = (...fields: Field[]) => ({ name: "thing", description: "A thing", fields });
const NAME = { name: "name", type: "text" };
const hostile = `"""'''\\ {{ x }} {% y %} # $(id) \`ls\` <b> | 中文 é %s \u202e \\`;
const LONG = "abcdefghij_klmnopqrst_uvwxyzab";

const every: Field[] = [
  { name: "key", type: "text", unique: true, min_length: 1, max_length: 12 },
  { name: "code", type: "text", pattern: "^(?:[A-Z]{2}|\\d+)-[^@]*$", example: "AB-", required: false },
  { name: "count", type: "integer", min: -5, max: 5, default: 0 },
  { name: "total", type: "integer", required: false },
  { name: "price", type: "decimal", min: 0.01, max: 99.5, decimal_places: 2, default: 1.5 },
  { name: "weight", type: "decimal", decimal_places: 6, required: false },
  { name: "ready", type: "boolean", default: false },
  { name: "checked", type: "boolean", required: false },
  { name: "born", type: "date", min: "1900-01-01", max: "2199-12-31", default: "2000-02-29" },
  { name: "ended", type: "date", required: false },
  { name: "state", type: "choice", choices: ["new", "not so new"], default: "new" },
  { name: "mood", type: "choice", choices: ['"good"', "it's", "|", "a,b"], required: false },
];

describe("python_library", () => {
  it.each(bench.examples)(
    "delivers examples/%s with every check, held-out ones too, and tests that kill over 90 % of the mutants",
    async (_, spec) => {
      const { acceptance } = spec;
      const results = await bench.grade(await bench.deliver(spec), evaluator.checks, { acceptance, mutants_max: 200 });
      expect(failures(results)).toEqual([]);
      expect(results.filter(({ held_out }) => held_out)).toHaveLength(acceptance.length);
      expect(results.find(({ check }) => check === "mutants")?.value).toBeGreaterThan(0.9);
    },
  );

  it("has two examples", () => expect(bench.examples).toHaveLength(2));

  it("lets every task pass its own checks on what is there when it ends", async () => {
    const lines = { name: "line", description: "A line", fields: every };
    const records = [lines, record(NAME, { name: "lines", type: "list", of: "line", min_items: 1 })];
    await bench.expectEachTaskToPass(bench.specOf({ records, license: "MIT" }));
  });

  it.each([
    ["one field", { records: [record(NAME)] }],
    ["one field without CSV", { records: [record(NAME)], csv: false }],
    ["every type, without CSV", { records: [record(...every)], csv: false }],
    [
      "no text",
      { records: [record({ name: "at", type: "date" }, { name: "sum", type: "decimal", decimal_places: 1 })] },
    ],
    ["order", { records: [{ ...record(NAME, { name: "size", type: "integer", min: 1, default: 2 }), ordered: true }] }],
    [
      "lists in lists",
      {
        records: [
          record(NAME),
          { name: "shelf", description: "Things", fields: [NAME, { name: "things", type: "list", of: "thing" }] },
          {
            name: "room",
            description: "Shelves",
            fields: [
              NAME,
              { name: "shelves", type: "list", of: "shelf", max_items: 3, required: false },
              { name: "odd", type: "list", of: "thing", min_items: 1, max_items: 1 },
            ],
          },
        ],
      },
    ],
    [
      "hostile texts",
      {
        description: hostile,
        author: `O'Neil "x" \\`,
        records: [
          {
            name: "thing",
            description: hostile,
            fields: [
              {
                name: "name",
                type: "text",
                description: hostile,
                default: `"'\\ {{ x }} {% y %} | é`,
                example: "a\\\"b'",
              },
              {
                name: "kind",
                type: "choice",
                description: "Returns:",
                choices: [`"'\\`, "{{ x }}", "中文", "|", "\\n"],
              },
              { name: "self", type: "integer" },
              { name: "password", type: "text", default: "/tmp/secret" },
            ],
          },
          { ...record(NAME), name: "quoted", description: `"Quoted"` },
        ],
      },
    ],
    [
      "names of Python's own",
      {
        records: [
          record(
            ...["date", "id", "type", "list", "dict", "cls", "record", "decimal", "field", "json", "value"].map(
              (name) => ({ name, type: name === "date" ? "date" : "text", required: name !== "date" }),
            ),
          ),
          { ...record(NAME), name: "value_error" },
          { ...record({ name: "x", type: "choice", choices: ["a", "b"] }), name: "choice" },
        ],
      },
    ],
    [
      "the longest names and texts",
      {
        package: `p${"x".repeat(29)}`,
        description: "d".repeat(120),
        records: ["a", "b"].map((first, index) => ({
          name: first + LONG.slice(1),
          description: "中".repeat(160),
          fields: [
            ...every.map((field) => ({
              ...field,
              name: `${field.name}_${LONG}`.slice(0, 30),
              description: "w".repeat(200),
            })),
            { name: LONG, type: "text", default: "é".repeat(60), max_length: 10_000 },
            {
              name: `x${LONG.slice(1)}`,
              type: "choice",
              choices: ["c".repeat(60), "中".repeat(30)],
              default: "c".repeat(60),
            },
            ...(index === 0 ? [] : [{ name: `y${LONG.slice(1)}`, type: "list", of: `a${LONG.slice(1)}` }]),
          ],
        })),
      },
    ],
    [
      "texts at the line's end",
      {
        records: [
          record(
            ...[54, 55, 56, 57, 58, 60].flatMap((width) => [
              { name: `a${width}_very_long_name_of_a_field`, type: "text", default: "d".repeat(width) },
              {
                name: `b${width}_very_long_name_of_a_field`,
                type: "text",
                required: false,
                default: "d".repeat(width),
              },
            ]),
            NAME,
          ),
        ],
      },
    ],
    ["many records", { records: Array.from("abcdefghjkmnpqrstuvw", (name) => ({ ...record(NAME), name })) }],
  ])("delivers clean code for %s", async (_, parameters) => {
    const delivery = await bench.deliver(bench.specOf(parameters));
    expect(failures(await bench.grade(delivery, WITHOUT_MUTANTS))).toEqual([]);
  });

  it.each([
    ["a keyword", record({ name: "class", type: "text" }), /name/],
    ["a type that isn't there", record({ name: "a", type: "float" }), /"float" is not supported/],
    ["limits of another type", record(NAME, { name: "a", type: "boolean", min: 1 }), /only for numbers and dates/],
    ["names that stand twice", record(NAME, NAME), /two fields have the same name/],
    [
      "limits that exclude each other",
      record(NAME, { name: "a", type: "integer", min: 2, max: 1 }),
      /2 is more than max/,
    ],
    [
      "a default outside the limits",
      record(NAME, { name: "a", type: "integer", max: 1, default: 2 }),
      /2 is more than max/,
    ],
    [
      "a default that is no choice",
      record(NAME, { name: "a", type: "choice", choices: ["b", "c"], default: "d" }),
      /none of/,
    ],
    ["a day that never was", record(NAME, { name: "a", type: "date", min: "2023-02-30" }), /no day of the calendar/],
    [
      "too many places",
      record(NAME, { name: "a", type: "decimal", decimal_places: 1, min: 0.25 }),
      /more than 1 decimal/,
    ],
    ["a pattern without example", record({ ...NAME, pattern: "^a$" }), /needs an example/],
    ["a pattern that its example misses", record({ ...NAME, pattern: "^a$", example: "b" }), /does not match/],
    [
      "a pattern that never ends",
      record({ ...NAME, pattern: "^(a|a|aa)+$", example: `${"a".repeat(59)}b` }),
      /too long/,
    ],
    ["half a pattern", record({ ...NAME, pattern: "^[z-a]$", example: "b" }), /no regular expression/],
    ["a pattern of one language only", record({ ...NAME, pattern: "^(?<=a)b$", example: "b" }), /ECMAScript/],
    ["a list of what comes later", record(NAME, { name: "a", type: "list", of: "thing" }), /no record "thing" before/],
    ["order without values", { ...record(NAME, { name: "a", type: "date", required: false }), ordered: true }, /null/],
    ["nothing that must be there", record({ ...NAME, required: false }), /no field must be given/],
    ["an optional key", record(NAME, { ...NAME, name: "a", unique: true, required: false }), /unique field must be/],
  ])("refuses %s", async (_, wrong, reason) => {
    const refused = bench.deliver(bench.specOf({ records: [wrong] }));
    await expect(refused).rejects.toMatchObject({
      code: "parameters_invalid",
      problems: expect.arrayContaining([expect.stringMatching(reason)]),
    });
  });

  it.each([
    [goal, "python_library"],
    ["A typed Python package with data classes for invoices", "python_library"],
    ["Create Python CLI calculator", "python_cli"],
  ])("is chosen for what it delivers: %s", async (goals, id) => {
    const spec = ProjectSpec.parse({ name: "x", goals: [goals], budget: { tokens: 1 } });
    expect(matchCapsules(spec, await library.list()).map(({ capsule }) => capsule.id)).toEqual([id]);
  });
});
