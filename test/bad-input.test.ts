// Bad input: a clear error naming the line or field, exit code 2, nothing left behind.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { ProjectView } from "../src/api/views.ts";
import { Kamachiq } from "./support/kamachiq.ts";

const kamachiq = await Kamachiq.create();
afterAll(() => kamachiq.dispose());

const VALID = `name: calculator
goals: [Create Python CLI calculator]
parameters: { operations: [add] }
budget: { tokens: 200000 }
`;
const bomb = `a: &a [x,x,x,x,x,x,x,x,x,x]\n${"bcdefghij"
  .split("")
  .map((c, i) => `${c}: &${c} [${Array(10).fill(`*${"abcdefghij"[i]}`).join(",")}]`)
  .join("\n")}\n`;

/** What is wrong, the file, and what the error must name. */
const CASES: [string, string | Uint8Array, RegExp][] = [
  ["an empty file", "", /empty/i],
  ["not YAML", "name: [unclosed\n  goals: }", /:[12]/],
  ["a YAML alias bomb", bomb, /alias/i],
  ["a 3 MB file", `${VALID}# ${"x".repeat(3_000_000)}`, /large|bytes|MB/i],
  ["an unknown field", `${VALID}colour: red\n`, /:5.*colour/s],
  ["missing goals", VALID.replace(/goals.*\n/, ""), /goals/],
  ["a negative budget", VALID.replace("200000", "-5"), /:4.*budget\.tokens/s],
  ["a zero timeout", `${VALID}timeout_minutes: 0\n`, /:5.*timeout_minutes/s],
  ["an id with ../", VALID.replace("name: calculator", "name: ../../etc"), /:1.*name/s],
  ["an id with NUL", VALID.replace("name: calculator", 'name: "cal\\0c"'), /:1.*name/s],
  ["a prototype key", `${VALID}context: { __proto__: { admin: true } }\n`, /:5.*__proto__/s],
  ["bytes that are not UTF-8", Uint8Array.of(0x6e, 0xff, 0xfe, 0x3a), /UTF-8/i],
];

/** Found by the planner, before a project exists. */
const PLANNED: [string, string, RegExp][] = [
  [
    "a goal that no capsule covers",
    VALID.replace("Create Python CLI calculator", "Build a Rust web shop"),
    /python_cli[\s\S]*model/i,
  ],
  [
    "an operation that the capsule does not have",
    VALID.replace("[add]", "[add, integrate]"),
    /integrate[\s\S]*subtract/,
  ],
  ["an agent that is not there", `${VALID}agent: clippy\n`, /clippy[\s\S]*template/],
  ["a budget too small for the plan", VALID.replace("200000", "10"), /10[\s\S]*tokens/],
];

describe("a spec that can't be read", () => {
  it.each(CASES)("%s", async (_name, text, message) => {
    const file = await kamachiq.file("bad.yaml", text);
    const outcome = await kamachiq.run(["run", file]);
    expect(outcome.stderr).toMatch(message);
    expect(outcome.code).toBe(2);
    expect(existsSync(join(kamachiq.home, "postgres"))).toBe(false);
  });

  it("no such file", async () => {
    const outcome = await kamachiq.run(["run", "no-such-spec.yaml"]);
    expect(outcome.stderr).toContain("no-such-spec.yaml");
    expect(outcome.code).toBe(2);
  });
});

describe("a spec that can't be planned", () => {
  it.each(PLANNED)("%s", async (_name, text, message) => {
    const outcome = await kamachiq.run(["run", await kamachiq.file("bad.yaml", text)]);
    expect(outcome.stderr).toMatch(message);
    expect(outcome.code).toBe(2);
    const { projects } = await kamachiq.json<{ projects: ProjectView[] }>(["status"]);
    expect(projects).toEqual([]);
  });
});
