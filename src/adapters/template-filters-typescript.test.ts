import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  docComment,
  jsonString,
  patternSample,
  scriptList,
  scriptProperty,
  scriptString,
  scriptUnion,
} from "./template-filters-typescript.ts";

const evaluated = (literal: string): unknown => runInNewContext(literal);
const anyText = fc.string({ unit: "binary" });

describe("literals", () => {
  it("mean the text that they were made of, on one line and with nothing hidden", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        for (const literal of [scriptString(text), jsonString(text)]) {
          expect(evaluated(literal)).toBe(text.toWellFormed());
          expect(literal).not.toMatch(/[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}]/u);
        }
        expect(JSON.parse(jsonString(text))).toBe(text.toWellFormed());
      }),
    );
  });

  it("prefer the quotes that need fewer escapes", () => {
    expect(scriptString("it's")).toBe(`"it's"`);
    expect(scriptString('say "a"')).toBe(`'say "a"'`);
    expect(scriptString(`"'`)).toBe(`"\\"'"`);
  });
});

describe("layout", () => {
  it("moves what is too long to a line of its own", () => {
    expect(scriptProperty("x".repeat(87), "name", 4)).toBe(`name: "${"x".repeat(87)}",`);
    expect(scriptProperty("x".repeat(88), "name", 4)).toBe(`name:\n      "${"x".repeat(88)}",`);
    expect(scriptProperty("中".repeat(44), "name", 4)).toMatch(/^name:\n/);
  });

  it("breaks lists and unions that don't fit", () => {
    const long = ["x".repeat(50), "y".repeat(50)];
    expect(scriptList(["a", "b"], "names", 2)).toBe('names: ["a", "b"],');
    expect(scriptList(long, "names", 2)).toBe(`names: [\n    "${long[0]}",\n    "${long[1]}",\n  ],`);
    expect(scriptUnion(["a", "b"], "name?", 2)).toBe('name?: "a" | "b";');
    expect(scriptUnion(long, "name", 2)).toBe(`name:\n    | "${long[0]}"\n    | "${long[1]}";`);
  });
});

it("nothing ends a comment or becomes a tag", () => {
  expect(docComment("a */ b\n@tag \u202e")).toBe("a *\\/ b \\@tag");
});

describe("patternSample", () => {
  it.each(["[A-Z]{2,4}-\\d{4}", "a+b*c?", "\\w{3}\\.\\$", "[._-]+x{0,3}", "[0-9a-f]{4}:[0-9a-f]{4}"])(
    "makes a text that %s matches",
    (pattern) => expect(patternSample(pattern)).toMatch(new RegExp(`^${pattern}$`, "u")),
  );

  it("refuses a count that is the wrong way round", () => {
    expect(() => patternSample("a{3,2}")).toThrow(/\{3,2\} is the wrong way round/);
  });
});
