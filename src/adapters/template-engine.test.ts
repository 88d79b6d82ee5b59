import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KamachiqError } from "../domain/errors.ts";
import { createTemplateEngine } from "./template-engine.ts";

const engine = createTemplateEngine(
  new Map([
    ["hello", "Hello {{ name }}{% render 'part', x: name %}"],
    ["part", "({{ x }})"],
  ]),
);
const hostile = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  fc.string({
    maxLength: 60,
    unit: fc.constantFrom("'", '"', "\\", "\n", "{{", "}}", "{%", "#", "\0", "é", "中", "\u202e", "\ud800", "`", "a"),
  }),
);

/** One Python process judges all texts: what it reads back must be what went in. */
function python(script: string, input: unknown): unknown {
  const { stdout, stderr } = spawnSync("python3", ["-c", script], { input: JSON.stringify(input), encoding: "utf8" });
  if (stderr !== "") throw new Error(stderr);
  return JSON.parse(stdout);
}

describe("createTemplateEngine", () => {
  it("renders templates, parts of the same capsule and texts", () => {
    expect(engine.file("hello", { name: "you" })).toBe("Hello you(you)");
    expect(engine.text("{{ a | upcase }}", { a: "x" })).toBe("X");
    expect(engine.holds(undefined, {})).toBe(true);
    expect(engine.holds("{{ a }}", { a: true })).toBe(true);
    expect(engine.holds("{% if a %}yes{% endif %}", { a: true })).toBe(false);
  });

  it.each([
    ["an unknown variable", "{{ nothing }}"],
    ["an unknown filter", "{{ 1 | nothing }}"],
    ["a file of the machine", "{% include '/etc/passwd' %}"],
    ["a path that climbs", "{% render '../../package.json' %}"],
    ["a prototype", "{{ a.constructor }}"],
    ["a loop without end", "{% for i in (1..100000000) %}x{% endfor %}"],
    ["wrong syntax", "{% if %}"],
  ])("refuses %s", (_, source) => {
    expect(() => engine.text(source, { a: {} })).toThrow(KamachiqError);
  });

  it("does not render what a value contains", () => {
    expect(engine.text("{{ a }}", { a: "{{ 1 | plus: 1 }}{% raw %}" })).toBe("{{ 1 | plus: 1 }}{% raw %}");
  });
});

describe("filters on hostile text", () => {
  const texts = fc.sample(hostile, { numRuns: 1_000, seed: 7 });

  it("keep Python text inside its literal", () => {
    const sources = texts.map((text) =>
      engine.text('{{ text | py_constant: "X" }}\nY = {{ text | py_str }}\n', { text }),
    );
    const script =
      "import ast,json,sys\nout=[]\nfor s in json.load(sys.stdin):\n tree=ast.parse(s); assert len(tree.body)==2 and all(isinstance(n.value, ast.Constant) for n in tree.body)\n out.append(tree.body[0].value.value if tree.body[0].value.value == tree.body[1].value.value else None)\nprint(json.dumps(out))";
    expect(python(script, sources)).toEqual(texts);
  });

  it("keep a docstring one sentence, which says the same", () => {
    const sources = texts.map((text) => engine.text("{{ text | py_docstring }}\n", { text }));
    const script =
      "import ast,json,sys\nout=[]\nfor s in json.load(sys.stdin):\n tree=ast.parse(s); assert len(tree.body)==1\n out.append(ast.get_docstring(tree))\nprint(json.dumps(out))";
    const letters = (text: string) => text.normalize().replaceAll(/[^\p{L}\p{N}]/gu, "");
    const said = python(script, sources) as string[];
    expect(said.map(letters)).toEqual(texts.map((text) => letters(text.toWellFormed())));
    for (const sentence of said) expect(sentence).toMatch(/^.*[.?!]$/);
  });

  it("keep TOML text inside its literal", () => {
    const sources = texts.map((text) => engine.text("x = {{ text | toml_str }}\n", { text }));
    const script =
      "import json,sys,tomllib\nout=[]\nfor s in json.load(sys.stdin):\n d=tomllib.loads(s); assert list(d)==['x']\n out.append(d['x'])\nprint(json.dumps(out))";
    expect(python(script, sources)).toEqual(texts.map((text) => text.toWellFormed()));
  });

  it("make an identifier of any text", () => {
    const names = [...texts, "class", "1st", "Ünï cödé", "a-b.c", ""].map((text) =>
      engine.text("{{ text | py_identifier }}", { text }),
    );
    for (const name of names) expect(name).toMatch(/^[a-z][a-z0-9_]{0,40}$/);
    expect(names.slice(-5)).toEqual(["class_", "x1st", "uni_code", "a_b_c", "x"]);
  });

  it("make a class name of words", () => {
    const names = ["task", "task_list", "a_1b", "Ünï cödé"].map((text) =>
      engine.text("{{ text | pascal_case }}", { text }),
    );
    expect(names).toEqual(["Task", "TaskList", "A1b", "ÜnïCödé"]);
  });

  it("leave no markup in Markdown", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const line = engine.text("{{ text | md }}", { text });
        expect(line).not.toMatch(/\n/);
        expect(line.replaceAll(/\\[\\`*_{}[\]<>|&~#!$^:@+=.)-]/g, "")).not.toMatch(/[`*_<>[\]|&#]|^[-+=]/);
      }),
    );
    expect(engine.text("{{ text | md }}", { text: "- a <b> [c](d): e_f!" })).toBe("\\- a \\<b\\> \\[c\\](d): e\\_f!");
  });
});

describe("filters that lay out Python", () => {
  const names = ["a".repeat(40), "b".repeat(40)];

  it("break a tuple only where it does not fit", () => {
    expect(engine.text("{{ names | py_tuple: 15 }}", { names })).toBe(`(${names.join(", ")}),`);
    const [a, b] = names;
    expect(engine.text("{{ names | py_tuple: 16 }}", { names })).toBe(
      `(\n${" ".repeat(20)}${a},\n${" ".repeat(20)}${b},\n${" ".repeat(16)}),`,
    );
  });

  it("break an import only where it does not fit", () => {
    expect(engine.text('{{ names | py_import: "m" }}', { names })).toBe(`from m import ${names.join(", ")}`);
    expect(engine.text('{{ names | py_import: "module" }}', { names })).toBe(
      `from module import (\n    ${names.join(",\n    ")},\n)`,
    );
  });

  it("put a text that is too long in parentheses, below what it is the value of", () => {
    const text = "x".repeat(60);
    const name = `    ${"n".repeat(31)}`;
    expect(engine.text("{{ text | py_constant: name, 4 }}", { text, name })).toBe(`${name} = "${text}"`);
    expect(engine.text("{{ text | py_constant: name, 4 }}", { text, name: `${name}n` })).toBe(
      `${name}n = (\n        "${text}"\n    )`,
    );
  });
});

describe("pattern_problem", () => {
  it.each([
    ["AB-1", "^[A-Z]+-\\d$", ""],
    ["AB-1\n", "^[A-Z]+-\\d$", "does not match the pattern"],
    ["b", "a|b", ""],
    ["bb", "a|b", "does not match the pattern"],
    ["b", "[z-a]", "the pattern is no regular expression"],
    [`${"a".repeat(100)}b`, "(a|aa|a)+", "the pattern takes too long to match"],
  ])("says of %j and %s: %s", (example, pattern, problem) => {
    expect(engine.text("{{ example | pattern_problem: pattern }}", { example, pattern })).toBe(problem);
  });
});
