import { readdirSync, readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { publishedSchemas } from "../src/domain/published-schemas.ts";

const folder = new URL("../docs/schemas/", import.meta.url);
const examples = new URL("../examples/", import.meta.url);
const schemas = publishedSchemas();

function validator(name: string) {
  const text = schemas.find((schema) => schema.name === name)?.text ?? "{}";
  return new Ajv2020({ strict: false, formats: { date: true } }).compile(JSON.parse(text) as object);
}

describe("the published JSON Schemas", () => {
  it("are the ones that the product checks with (npm run schemas)", () => {
    expect(readdirSync(folder).toSorted()).toEqual(schemas.map(({ name }) => name).toSorted());
    for (const { name, text } of schemas) expect(readFileSync(new URL(name, folder), "utf8"), name).toBe(text);
  });

  it.each(readdirSync(examples).filter((name) => name.endsWith(".yaml")))("take %s", (name) => {
    const validate = validator("project-spec.v1.json");
    const text = readFileSync(new URL(name, examples), "utf8");
    expect(validate(parse(text)), JSON.stringify(validate.errors)).toBe(true);
    expect(text.split("\n")[0]).toBe("# yaml-language-server: $schema=../docs/schemas/project-spec.v1.json");
  });

  it("take attachments by path and by content", () => {
    const attachments = ["docs/a.md", { path: "b.md", name: "B" }, { name: "c", content: "x" }];
    const spec = { name: "a", goals: ["x"], budget: { tokens: 1 } };
    const validate = validator("project-spec.v1.json");
    expect(validate({ ...spec, attachments }), JSON.stringify(validate.errors)).toBe(true);
    for (const wrong of [7, { path: "b.md", content: "x" }, {}]) {
      expect(validate({ ...spec, attachments: [wrong] })).toBe(false);
    }
  });

  it.each([
    ["project-spec.v1.json", { name: "../a", goals: ["x"], budget: { tokens: 1 } }, "/name"],
    ["project-spec.v1.json", { name: "a", goals: ["x"], budget: { tokens: -1 } }, "/budget/tokens"],
    ["task-graph.v1.json", { nodes: [], budget_total: 1, timeout_minutes: 1, quality_threshold: 0.8 }, "/nodes"],
    ["planner-output.v1.json", { deliverables: [{ id: "a" }] }, "/deliverables/0"],
  ])("%s refuses %o", (name, document, path) => {
    const validate = validator(name);
    expect(validate(document)).toBe(false);
    expect(validate.errors?.map(({ instancePath }) => instancePath)).toContain(path);
  });
});
