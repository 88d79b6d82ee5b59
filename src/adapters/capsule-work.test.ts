import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LoadedCapsule } from "../domain/capsule.ts";
import { ProjectSpec } from "../domain/intake.ts";
import { loadCapsuleLibrary } from "./capsule-library.ts";
import { checkParameters } from "./capsule-parameters.ts";
import { capsuleWork } from "./capsule-work.ts";

const YAML = `id: small
version: 1.0.0
summary: A small one
type: delivery
stack: python
persona: developer
parameters:
  type: object
  properties:
    things: { type: array, items: { type: string } }
parameter_rules: rules.liquid
tasks:
  - id: one
    type: docs
    description: Write them
    checks: [compile]
    success_criteria: [{ id: done, text: They are written }]
    files:
      - { path: "{{ item }}.md", template: thing.liquid, each: things, when: "{% if item != 'c' %}true{% endif %}" }
  - id: two
    type: review
    description: Read them
    checks: [compile]
    success_criteria: [{ id: done, text: They are read }]
    dependencies: [one]
    reads: [one]
`;
const RULES = `{%- for thing in parameters.things %}
{%- if thing == "x" %}
parameters.things[{{ forloop.index0 }}]: x is taken
{%- endif %}
{%- endfor %}
`;

const folder = mkdtempSync(join(tmpdir(), "capsule-work-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const spec = ProjectSpec.parse({ name: "p", goals: ["g"], budget: { tokens: 1 } });
let capsule: LoadedCapsule;
beforeAll(async () => {
  mkdirSync(join(folder, "small"));
  writeFileSync(join(folder, "small.yaml"), YAML);
  writeFileSync(join(folder, "small/rules.liquid"), RULES);
  writeFileSync(join(folder, "small/thing.liquid"), "# {{ item }} of {{ parameters.things.size }}\n");
  capsule = await (await loadCapsuleLibrary(folder)).get("small");
});

describe("files for each item of a parameter", () => {
  it("are rendered with the item, where they are wanted", () => {
    const { files, paths } = capsuleWork(capsule, "one", { things: ["a", "b", "c"] }, spec);
    expect(files).toEqual([
      { path: "a.md", content: "# a of 3\n" },
      { path: "b.md", content: "# b of 3\n" },
    ]);
    expect(paths).toEqual(["a.md", "b.md"]);
    expect(capsuleWork(capsule, "two", { things: ["a", "c"] }, spec).reads).toEqual(["a.md"]);
  });

  it("refuses an item that makes a path outside the repository", () => {
    expect(() => capsuleWork(capsule, "one", { things: ["../a"] }, spec)).toThrow(/no path below the repository/);
  });
});

describe("a capsule's own rules", () => {
  it("name what the schema can't see", () => {
    expect(checkParameters(capsule, { things: ["a"] }, spec)).toEqual({ things: ["a"] });
    expect(() => checkParameters(capsule, { things: ["a", "x"] }, spec)).toThrow(
      expect.objectContaining({ code: "parameters_invalid", problems: ["parameters.things[1]: x is taken"] }),
    );
  });
});
