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
const WITHOUT_MUTANTS = evaluator.checks.filter((check) => check !== "mutants");

type Named = Record<string, unknown> & { name: string };
const HOSTILE = `"""'''\\ {{ x }} {% y %} # $(id) \`ls\` <b> 中文 é %s {0} \u202e | a`;
const SKU: Named = { name: "sku", type: "text" };
const service = (name: string, entity: string, fields: Named[] = [SKU], description = "Things") => ({
  name,
  entity,
  description,
  fields,
});
const event = (name: string, source: string, subscribers: object[], on = "created", description = "It is so") => ({
  name,
  source,
  on,
  description,
  subscribers,
});
const TWO = [service("left", "pear"), service("right", "apple")];
const TOLD = event("pear_picked", "left", [{ service: "right", key: "sku" }]);

const EVERY: Named[] = [
  { name: "short", type: "text", max: 1 },
  { name: "exact", type: "text", min: 7, max: 7 },
  { name: "least", type: "text", min: 100, max: 10_000, required: false },
  { name: "any", type: "integer" },
  { name: "below", type: "integer", max: -5 },
  { name: "pair", type: "integer", min: 3, max: 4 },
  { name: "cents", type: "decimal", min: -1, max: 1 },
  { name: "micro", type: "decimal", places: 6, max: -7, required: false },
  { name: "flag", type: "boolean" },
  { name: "maybe", type: "boolean", required: false },
  { name: "born", type: "date" },
  { name: "left_on", type: "date", required: false },
  { name: "mood", type: "choice", choices: ["a", "0", "not-so_new"] },
  { name: "tone", type: "choice", choices: ["b", "c"], required: false },
];
const KEYS = ["short", "any", "born", "mood"];
const every = {
  services: [service("things", "thing", EVERY), ...KEYS.map((name) => service(`by_${name}`, `${name}_one`))],
  events: ["created", "updated", "deleted"].map((on) => {
    const takers = KEYS.map((key, at) => ({ service: `by_${key}`, key, total: ["any", "cents", "below", null][at] }));
    return event(`thing_${on}`, "things", takers, on);
  }),
};

const L20 = (letter: string) => letter.repeat(20);
const L24 = (letter: string) => letter.repeat(24);
const C30 = Array.from({ length: 20 }, (_, at) => `c${at}${"c".repeat(26)}`.slice(0, 30));
const LETTERS = ["p", "q", "r", "s", "t"];
const longest = {
  package: `p${"x".repeat(29)}`,
  title: "T".repeat(80),
  description: "d".repeat(120),
  author: "é".repeat(80),
  version: "9999.9999.9999",
  license: "MIT",
  services: LETTERS.map((letter) =>
    service(L20(letter), `${letter}${"e".repeat(19)}`, [
      { name: L24("k"), type: "text", description: "é".repeat(200) },
      { name: L24("n"), type: "integer", min: -999_999_999, max: 999_999_999 },
      { name: L24("d"), type: "decimal", places: 6, min: -999_999_999, max: 999_999_999, required: false },
      { name: L24("c"), type: "choice", choices: C30 },
    ]),
  ),
  events: Array.from({ length: 8 }, (_, at) => {
    const source = LETTERS[at % 5] as string;
    const takers = LETTERS.filter((letter) => letter !== source).map((letter) => ({
      service: L20(letter),
      key: L24(["k", "n", "c"][at % 3] as string),
      total: L24("n"),
    }));
    const name = `${String.fromCharCode(97 + at).repeat(15)}_${"e".repeat(14)}`;
    return event(name, L20(source), takers, ["created", "updated", "deleted"][at % 3], "w".repeat(85));
  }),
};

describe("multi_service", () => {
  it.each(bench.examples)(
    "delivers examples/%s with every check, held-out ones too, and tests that kill over 85 % of the mutants",
    { timeout: 300_000 },
    async (_, spec) => {
      const { acceptance } = spec;
      const results = await bench.grade(await bench.deliver(spec), evaluator.checks, { acceptance });
      expect(failures(results)).toEqual([]);
      expect(results.filter(({ held_out }) => held_out)).toHaveLength(acceptance.length);
      expect(results.find(({ check }) => check === "mutants")?.value).toBeGreaterThan(0.85);
    },
  );

  it("has two examples", () => expect(bench.examples).toHaveLength(2));

  it("lets every task pass its own checks on what is there when it ends", { timeout: 300_000 }, async () => {
    await bench.expectEachTaskToPass(bench.specOf({ services: TWO, events: [TOLD], license: "MIT" }));
  });

  it.each([
    ["nothing but a goal", {}],
    ["every type of field, and events of every kind", every],
    ["the longest names and texts", longest],
    [
      "hostile texts",
      {
        package: "a",
        title: HOSTILE,
        description: HOSTILE,
        author: HOSTILE,
        services: [
          service("left", "pear", [{ ...SKU, description: HOSTILE }], HOSTILE),
          service("right", "apple", [{ ...SKU, description: `"'\\` }], `"Quoted"`),
        ],
        events: [event("pear_picked", "left", [{ service: "right", key: "sku" }], "created", HOSTILE)],
      },
    ],
    [
      "words that Python, SQL and HTTP use",
      {
        services: [
          service("tables", "select", [{ name: "key", type: "text" }, ...words("index", "value", "order", "group")]),
          service("requests", "request", words("headers", "body", "url", "cls", "limit", "after", "number")),
          service("values", "any", words("count", "total", "event", "data", "items", "date", "decimal", "store")),
        ],
        events: [
          event("row_inserted", "tables", [{ service: "requests", key: "key", total: "order" }]),
          event("request_sent", "requests", [{ service: "tables", key: "limit", total: "after" }], "updated"),
        ],
      },
    ],
  ])("delivers clean code for %s", { timeout: 240_000 }, async (_, parameters) => {
    const delivery = await bench.deliver(bench.specOf(parameters));
    expect(failures(await bench.grade(delivery, WITHOUT_MUTANTS))).toEqual([]);
  });

  it.each([
    ["a word of Python", { services: [service("class", "pear"), TWO[1]] }, /services\[0\]\.name/],
    ["a module of the program", { services: [service("gateway", "pear"), TWO[1]] }, /services\[0\]\.name/],
    ["a module of the standard library", { package: "json" }, /package/],
    ["one service", { services: [TWO[0]], events: [] }, /services/],
    ["names that stand twice", { services: [TWO[0], service("left", "fig")] }, /"left" is there already/],
    ["names that differ in underscores", { services: [TWO[0], service("le_ft", "fig")] }, /"le_ft" is there already/],
    ["entities that stand twice", { services: [TWO[0], service("right", "pear")] }, /"pear" is there already/],
    ["a source that isn't there", { events: [{ ...TOLD, source: "up" }] }, /"up" is no service/],
    ["a subscriber that isn't there", subscriber({ service: "up", key: "sku" }), /"up" is no service/],
    ["a service that tells itself", subscriber({ service: "left", key: "sku" }), /not told of its own events/],
    ["a key that isn't there", subscriber({ service: "right", key: "x" }), /"x" is no required text/],
    ["a total of texts", subscriber({ service: "right", key: "sku", total: "sku" }), /"sku" is no required integer/],
    ["an event named like an entity", { events: [{ ...TOLD, name: "apple_page" }] }, /is what an entity is called/],
    ["no member that is required", field({ name: "a", type: "date", required: false }), /one is required at least/],
    ["limits that exclude each other", field({ name: "a", type: "integer", min: 3, max: 3 }), /must be more than min/],
    ["limits of a date", field({ name: "a", type: "date", min: 1 }), /only texts, integers and decimals/],
    ["a text of nothing", field({ name: "a", type: "text", min: 0 }), /at least 1 to 100/],
    ["a choice of one", field({ name: "a", type: "choice", choices: ["b"] }), /at least 2/],
    ["choices of a text", field({ name: "a", type: "text", choices: ["b", "c"] }), /only a choice has them/],
    ["a member that every entity has", field({ name: "version", type: "text" }), /fields\[0\]\.name/],
  ])("refuses %s", async (_, changes, reason) => {
    const delivered = bench.deliver(bench.specOf({ services: TWO, events: [TOLD], ...changes }));
    const refusal: unknown = await delivered.catch((error: unknown) => error);
    expect((refusal as InputError).problems.join("\n")).toMatch(reason);
  });

  it.each([
    goal,
    "Several services for a clinic with a gateway, and a background worker that carries events",
    "A platform of multiple services in Python with an outbox for events",
  ])("is what fits the goal %s", async (text) => {
    const spec = ProjectSpec.parse({ name: "x", goals: [text], budget: { tokens: 1_000_000 } });
    const found = matchCapsules(spec, await library.list());
    expect(found.map(({ capsule }) => capsule.id)).toEqual(["multi_service"]);
  });
});

function words(...names: string[]): Named[] {
  return names.map((name) => ({ name, type: "integer", min: 0 }));
}

function subscriber(one: object): { events: object[] } {
  return { events: [{ ...TOLD, subscribers: [one] }] };
}

function field(one: Named): { services: object[]; events: object[] } {
  return {
    services: [service("left", "pear", [one]), TWO[1] as object],
    events: [{ ...TOLD, source: "right", subscribers: [{ service: "left", key: "sku" }] }],
  };
}
