import { describe, expect, it } from "vitest";
import { readableSchema, signatureOf } from "./capsule-signature.ts";

const NAME = { type: "string", pattern: "^[a-z]+$", not: { enum: ["class"] } };

describe("signatureOf", () => {
  it("says names, types, values and what may be left out", () => {
    const schema = {
      type: "object",
      required: ["name", "tags", "license"],
      properties: {
        name: NAME,
        license: { enum: ["none", "MIT"], default: "none" },
        places: { type: ["integer", "null"] },
        tags: { type: "array", items: { enum: ["a", "b"] } },
        fields: { type: "array", items: { $ref: "#/$defs/field" } },
        either: { anyOf: [{ type: "string" }, { const: 3 }] },
        anything: {},
      },
      $defs: { field: { type: "object", required: ["name"], properties: { name: NAME, unique: { type: "boolean" } } } },
    };
    expect(signatureOf(schema)).toBe(
      '{name: string, license?: "none" | "MIT", places?: integer | null, tags: ("a" | "b")[], ' +
        "fields?: {name: string, unique?: boolean}[], either?: string | 3, anything?: any}",
    );
  });

  it("leaves out what is deep rather than grow", () => {
    const level = (depth: number): object =>
      depth === 0
        ? { type: "string" }
        : {
            type: "object",
            properties: Object.fromEntries(["left", "middle", "right"].map((name) => [name, level(depth - 1)])),
          };
    const signature = signatureOf(level(6) as Record<string, unknown>);
    expect(signature.length).toBeLessThanOrEqual(700);
    expect(signature).toMatch(/^\{left\?: \{left\?: /);

    const wide = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`parameter_${index}`, NAME]));
    expect(signatureOf({ type: "object", properties: wide })).toHaveLength(700);
    const itself = { type: "object", properties: { next: { $ref: "#/$defs/a" } }, $defs: { a: { $ref: "#/$defs/a" } } };
    expect(signatureOf(itself)).toBe("{next?: any}");
  });
});

describe("readableSchema", () => {
  it("keeps what a reader needs, and properties that are called like keywords", () => {
    const schema = {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "object",
      additionalProperties: false,
      properties: {
        name: NAME,
        not: { type: "string", pattern: "x".repeat(61), description: "kept" },
        default: { type: "object", default: { not: 1 } },
      },
      $defs: { unused: NAME },
    };
    expect(readableSchema(schema)).toEqual({
      type: "object",
      properties: {
        name: { type: "string", pattern: "^[a-z]+$" },
        not: { type: "string", description: "kept" },
        default: { type: "object", default: { not: 1 } },
      },
    });
    const referring = { properties: { a: { $ref: "#/$defs/name" } }, $defs: { name: NAME } };
    expect(readableSchema(referring)).toMatchObject({ $defs: { name: { type: "string" } } });
  });
});
