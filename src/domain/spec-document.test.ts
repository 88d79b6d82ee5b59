import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "./errors.ts";
import { parseSpec } from "./spec-document.ts";

const GOOD = 'name: calculator\ngoals: ["Create Python CLI calculator"]\nbudget: { tokens: 1000 }\n';

function problems(text: string): string[] {
  try {
    parseSpec(text, "spec.yaml");
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    const { code, exit_code, problems: found } = error as InputError;
    expect({ code, exit_code }).toEqual({ code: "spec_invalid", exit_code: 2 });
    return found;
  }
  throw new Error("accepted");
}

describe("parseSpec", () => {
  it("reads YAML and JSON alike, with defaults", () => {
    const spec = parseSpec(GOOD, "spec.yaml");
    expect(spec).toMatchObject({ name: "calculator", timeout_minutes: 60, quality_threshold: 0.8, agent: "template" });
    expect(parseSpec(JSON.stringify(spec), "spec.json")).toEqual(spec);
  });

  it("expands a few aliases", () => {
    const text = `${GOOD}constraints: [&a "no network", *a]\n`;
    expect(parseSpec(text, "spec.yaml").constraints).toEqual(["no network", "no network"]);
  });

  it.each([
    ["an empty file", " \n\n", /^spec\.yaml:1: the file is empty/],
    ["what is not YAML", "name: [a\ngoals: }", /^spec\.yaml:\d+: not valid YAML/],
    ["a plain text", "just words", /must be a map, and is a text/],
    ["two documents", `${GOOD}---\n${GOOD}`, /:4: a second document/],
    ["duplicate keys", `${GOOD}name: other\n`, /:4: a field stands here for the second time/],
    ["custom tags", `${GOOD}constraints: !!js/function "x"\n`, /:4: custom tags are not allowed/],
    ["YAML 1.1", `%YAML 1.1\n---\n${GOOD}`, /only YAML 1.2/],
    ["unknown fields", `${GOOD}gaols: []\n`, /:4: gaols: unknown field; did you mean "goals"\?/],
    [
      "unknown nested fields",
      GOOD.replace("tokens:", "tokens: 5, token:"),
      /:3: budget\.token: unknown field; did you mean "tokens"\?/,
    ],
    [
      "an unknown milestone",
      `${GOOD}milestones: [{ id: beta, title: Beta }]\ndeliverables: [{ id: a, milestone: betta }]\n`,
      /:5: deliverables\[0\]\.milestone: there is no milestone "betta"; did you mean "beta"\?/,
    ],
    [
      "a deliverable twice",
      `${GOOD}deliverables:\n  - id: a\n  - id: a\n`,
      /:6: deliverables\[1\]\.id: "a" is there twice/,
    ],
    [
      "a check of no deliverable",
      `${GOOD}deliverables: [{ id: a }]\nacceptance: [{ id: x, text: X, run: ["true"], deliverable: b }]\n`,
      /:5: acceptance\[0\]\.deliverable: there is no deliverable "b"; there are: a/,
    ],
    ["missing goals", "name: a\nbudget: { tokens: 1 }\n", /:1: goals: is missing; add it \(a list\)/],
    ["no goals", GOOD.replace(/goals: .*/, "goals: []"), /:2: goals: must have at least 1 item/],
    ["a negative budget", GOOD.replace("1000", "-5"), /:3: budget\.tokens: must be greater than 0 \(it is -5\)/],
    ["no budget", 'name: a\ngoals: ["x"]\n', /budget: is missing/],
    ["a zero timeout", `${GOOD}timeout_minutes: 0\n`, /:4: timeout_minutes: must be greater than 0/],
    ["an infinite budget", GOOD.replace("1000", ".inf"), /:3: budget\.tokens: is not a finite number/],
    ["an id that climbs", GOOD.replace("calculator", "../etc"), /:1: name: must be 1 to 64 characters/],
    ["an id with NUL", GOOD.replace("calculator", '"a\\0b"'), /:1: name: has a control character/],
    ["a text with an escape", `${GOOD}constraints: ["a\\e[2Jb"]\n`, /:4: constraints\[0\]: has a control character/],
    [
      "__proto__",
      `${GOOD}context: { a: { __proto__: { x: 1 } } }\n`,
      /:4: context\.a\.__proto__: this name is not allowed/,
    ],
    ["constructor", `${GOOD}parameters:\n  constructor: 1\n`, /:5: parameters\.constructor: this name is not allowed/],
    ["prototype", `${GOOD}context: { list: [{ prototype: 1 }] }\n`, /:4: context\.list\[0\]\.prototype: this name/],
    [
      "a wrong acceptance check",
      `${GOOD}acceptance:\n  - id: a\n    text: t\n    run: []\n`,
      /:7: acceptance\[0\]\.run: must have/,
    ],
  ])("refuses %s", (_, text, expected) => {
    expect(problems(text).join("\n")).toMatch(expected);
  });

  it("reports all problems at once, in the order of their lines", () => {
    const found = problems("name: A B\nbudget: { tokens: -1 }\nextra: 1\n");
    expect(found.map((line) => line.split(": ")[1])).toEqual(["name", "goals", "budget.tokens", "extra"]);
  });

  it.each([
    ["a large file", "a".repeat(3_000_000)],
    ["flow sequences without end", "[".repeat(900_000)],
    ["block sequences without end", "- ".repeat(400_000)],
    ["deep maps", `${GOOD}context: ${"{a: ".repeat(200)}1${"}".repeat(200)}\n`],
    ["an alias bomb", bomb()],
    ["a long text many times", `${GOOD}context:\n  a: &a "${"x".repeat(90_000)}"\n  b: [${"*a, ".repeat(90)}]\n`],
    ["an alias to itself", `${GOOD}context: &a { b: *a }\n`],
    ["many values", `${GOOD}context: { a: [${"1,".repeat(490_000)}] }\n`],
    ["many empty lists", `${GOOD}context: { a: [${"[],".repeat(300_000)}] }\n`],
    ["many empty lines of lists", `${GOOD}constraints:\n${"-\n".repeat(300_000)}`],
    ["many fields", `${GOOD}context:\n${Array.from({ length: 90_000 }, (_, index) => `  a${index}:`).join("\n")}\n`],
    ["many comments", "#\n".repeat(450_000)],
  ])("refuses %s within a second of computing", (_, text) => {
    const started = process.cpuUsage(); // not the clock: other tests run beside
    expect(problems(text)).not.toHaveLength(0);
    const { user, system } = process.cpuUsage(started);
    expect(user + system).toBeLessThan(1_000_000);
  });

  it("answers any text with a spec or with problems that name the file", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.string().map((text) => GOOD + text),
        ),
        (text) => {
          try {
            parseSpec(text, "spec.yaml");
          } catch (error) {
            expect(error).toBeInstanceOf(InputError);
            for (const problem of (error as InputError).problems) expect(problem).toMatch(/^spec\.yaml:/);
          }
        },
      ),
    );
  });
});

function bomb(): string {
  const rows = Array.from({ length: 12 }, (_, row) => `  r${row + 1}: &r${row + 1} [${`*r${row}, `.repeat(10)}]`);
  return `${GOOD}context:\n  r0: &r0 [a, a, a]\n${rows.join("\n")}\n`;
}
