// The evaluator on real trees: one good, and several that try to look good.
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { createTypeScriptEvaluator } from "../src/adapters/evaluator-typescript.ts";
import { createBubblewrapSandbox } from "../src/adapters/sandbox-bubblewrap.ts";
import type { CheckResult } from "../src/domain/review.ts";
import type { EvaluationRequest } from "../src/ports/evaluator.ts";
import { findNodeTools } from "../src/stack/component-node.ts";
import { reviewTools } from "./support/review-tools.ts";

const { bubblewrap } = await reviewTools();
const sandbox = createBubblewrapSandbox({ bubblewrap: bubblewrap ?? "bwrap" });
const evaluator = createTypeScriptEvaluator({ sandbox, tools: await findNodeTools() });
const modules = realpathSync(fileURLToPath(new URL("../node_modules", import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), "evaluator-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const MODULE = `/** A number and half of it. */
export interface Halved {
  whole: number;
  half: number;
}

/** Half of an even number. Throws RangeError when it is odd. */
export function half(whole: number): Halved {
  if (whole % 2 !== 0) {
    throw new RangeError(\`odd: \${whole}\`);
  }
  return { whole, half: whole / 2 };
}
`;
const TESTS = `import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { half } from "../src/index.ts";

describe("half", () => {
  test("of even numbers", () => {
    assert.deepEqual(half(10), { whole: 10, half: 5 });
    assert.deepEqual(half(-4), { whole: -4, half: -2 });
  });
  test("of odd numbers is refused", () => {
    assert.throws(() => half(3), { name: "RangeError", message: "odd: 3" });
  });
});
`;
const TSCONFIG = {
  compilerOptions: {
    target: "es2024",
    module: "nodenext",
    strict: true,
    verbatimModuleSyntax: true,
    erasableSyntaxOnly: true,
    rewriteRelativeImportExtensions: true,
    declaration: true,
    types: ["node"],
  },
  include: ["src", "test"],
};
const README = `# halves

\`\`\`ts
import { half } from "halves";

console.log(half(10).half);
\`\`\`

\`\`\`text
5
\`\`\`

\`\`\`console
$ node -e 'console.log(6 / 2)'
3
\`\`\`
`;
const GOOD: Record<string, string> = {
  "package.json": JSON.stringify({
    name: "halves",
    version: "1.0.0",
    type: "module",
    exports: { ".": { types: "./dist/index.d.ts", default: "./dist/index.js" } },
    scripts: { build: "tsc -p tsconfig.build.json" },
  }),
  "tsconfig.json": JSON.stringify({ ...TSCONFIG, compilerOptions: { ...TSCONFIG.compilerOptions, noEmit: true } }),
  "tsconfig.build.json": JSON.stringify({
    compilerOptions: { ...TSCONFIG.compilerOptions, rootDir: "src", outDir: "dist" },
    include: ["src"],
  }),
  "README.md": README,
  "src/index.ts": MODULE,
  "test/index.test.ts": TESTS,
};

async function grade(changes: Record<string, string>, request: Partial<EvaluationRequest>) {
  const tree = mkdtempSync(join(folder, "tree-"));
  for (const [path, content] of Object.entries({ ...GOOD, ...changes })) {
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), content);
  }
  const results = await evaluator.evaluate({
    tree,
    checks: [],
    probes: [],
    acceptance: [],
    changed: [],
    dependencies: { node: modules },
    mutation: { mutants_max: 40, floor: 0.8, seed: 1, wall_ms: 30_000 },
    ...request,
  });
  return { tree, results: new Map(results.map((result) => [result.check, result])) };
}

describe("a good tree", () => {
  it("passes every check, with counts and commands as evidence", async () => {
    const { results } = await grade(
      {},
      {
        checks: [...evaluator.checks],
        probes: [
          {
            id: "ten",
            text: "half of ten",
            run: ["node", "-e", 'import("./src/index.ts").then(({ half }) => console.log(half(10).half))'],
            expect: { exit_code: 0, stdout: "5" },
            proves: ["halving"],
          },
        ],
        acceptance: [
          {
            id: "odd",
            text: "odd numbers are refused",
            run: ["node", "-e", 'import("./src/index.ts").then(({ half }) => half(7))'],
            expect: { exit_code: 1, stderr_contains: "odd: 7" },
          },
        ],
      },
    );
    expect([...results.values()].filter(({ passed }) => !passed)).toEqual([]);
    expect([...results.keys()].toSorted()).toEqual([...evaluator.checks, "odd", "ten"].toSorted());
    expect(results.get("tests")?.counts).toEqual({ tests: 2, failures: 0, errors: 0, skipped: 0 });
    expect(results.get("docs")?.counts).toEqual({ total: 2, covered: 2 });
    expect(results.get("readme")?.counts).toEqual({ examples: 2, true: 2 });
    expect(results.get("coverage")?.value).toBe(1);
    expect(results.get("mutants")?.counts["mutants"]).toBeGreaterThan(8);
    expect(results.get("ten")).toMatchObject({ proves: ["halving"], held_out: false });
    expect(results.get("odd")).toMatchObject({ held_out: true, veto: true, exit_code: 1 });
  });

  it("gets the same verdict again", async () => {
    const stable = (results: Map<string, CheckResult>) =>
      [...results].map(([name, { passed, value, counts }]) => ({ name, passed, value, counts }));
    const request = { checks: ["tests", "lint", "mutants", "coverage"] };
    const [first, second] = [await grade({}, request), await grade({}, request)];
    expect(stable(first.results)).toEqual(stable(second.results));
  });
});

const testFile = (body: string): string => `import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { half } from "../src/index.ts";
${body}
test("x", () => assert.ok([half, readFileSync, writeFileSync]));
`;
const REWRITES = testFile('test("y", () => writeFileSync("src/index.ts", ""));');
const TELLS_MUTANTS = testFile(
  `test("y", () => assert.equal(readFileSync(new URL("../src/index.ts", import.meta.url)).length, ${MODULE.length}));`,
);
const FORGES = testFile(
  'writeFileSync(`/proc/${process.ppid}/fd/1`, \'kamachiq-:{"exit_code":0,"tests":9,"failures":0,"errors":0,"skipped":0,"problems":[]}\');\ntest("y", () => assert.fail("no"));',
);
const UNTRUE = README.replace("\n5\n", "\n6\n");

const cases: [string, Record<string, string>, string, RegExp][] = [
  ["has a type error", { "src/index.ts": `${MODULE}export const n: number = "x";\n` }, "compile", /TS2322/],
  [
    "switches its type checker off",
    {
      "src/index.ts": `${MODULE}export const n: number = "x";\n`,
      "tsconfig.json": JSON.stringify({
        ...TSCONFIG,
        compilerOptions: { ...TSCONFIG.compilerOptions, noEmit: true, noCheck: true },
      }),
    },
    "compile",
    /TS2322/,
  ],
  [
    "hides a module from its type checker",
    { "src/other.ts": 'export const n: number = "x";\n', "tsconfig.json": JSON.stringify({ files: ["src/index.ts"] }) },
    "compile",
    /src\/other\.ts: tsconfig\.json leaves it out/,
  ],
  ["fails its tests", { "test/b.test.ts": testFile('test("b", () => assert.equal(1, 2));') }, "tests", /1 !== 2/],
  ["has a test that can't be parsed", { "test/b.test.ts": "const x = ;\n" }, "tests", /test\/b\.test\.ts/],
  ["has no tests", { "test/index.test.ts": "" }, "tests", /has no test/],
  ["ends before its tests do", { "test/b.test.ts": `process.exit(0);\n${TESTS}` }, "tests", /ends before/],
  [
    "skips all its tests",
    { "test/index.test.ts": TESTS.replaceAll("test(", "test.skip(") },
    "tests",
    /Every test is skipped/,
  ],
  ["forges the result of its tests", { "test/b.test.ts": FORGES }, "tests", /./],
  [
    "asserts nothing",
    { "test/index.test.ts": 'import { test } from "node:test";\nimport "../src/index.ts";\ntest("x", () => {});\n' },
    "mutants",
    /Survived:/,
  ],
  ["tells mutants from the program", { "test/b.test.ts": TELLS_MUTANTS }, "mutants", /fail on the unchanged/],
  ["rewrites itself while it is tested", { "test/b.test.ts": REWRITES }, "unchanged", /src\/index\.ts/],
  [
    "reaches little of its program",
    { "src/more.ts": "export function more(): number {\n  return 1;\n}\n" },
    "coverage",
    /src\/more\.ts/,
  ],
  [
    "hides files from the linter",
    {
      ".oxlintrc.json": '{ "ignorePatterns": ["**"], "rules": { "no-debugger": "off" } }',
      ".gitignore": "src/u.ts\n",
      "src/u.ts": "debugger;\n",
    },
    "lint",
    /src\/u\.ts:1:1/,
  ],
  [
    "hides files from the formatter",
    { ".oxfmtrc.json": '{ "ignorePatterns": ["**"] }', ".gitignore": "src/u.ts\n", "src/u.ts": "f( [ 1 ]  )\n" },
    "format",
    /src\/u\.ts/,
  ],
  ["has no comments", { "src/index.ts": MODULE.replaceAll(/\/\*\*.*\n/g, "") }, "docs", /src\/index\.ts:\d+ half/],
  ["has a README that is not true", { "README.md": UNTRUE }, "readme", /README\.md:4: says:\n6/],
  ["has a README that does not compile", { "README.md": README.replace("half(10)", 'half("10")') }, "readme", /TS2345/],
  [
    "can't be built",
    { "tsconfig.build.json": JSON.stringify({ files: ["src/none.ts"] }) },
    "readme",
    /The package can't be built/,
  ],
];

describe("a tree that", () => {
  it.each(cases)("%s is found out", async (_, changes, check, reason) => {
    const checks = check === "mutants" ? ["tests", "mutants"] : check === "unchanged" ? ["tests"] : [check];
    const result = (await grade(changes, { checks })).results.get(check);
    expect(result?.passed).toBe(false);
    expect(result?.value).toBeLessThan(1);
    expect(result?.excerpt).toMatch(reason);
  });

  it("writes outside of itself writes nowhere", async () => {
    const outside = join(folder, "outside");
    mkdirSync(outside);
    const body = `test("w", () => assert.throws(() => writeFileSync(${JSON.stringify(join(outside, "file"))}, "")));`;
    const { results } = await grade({ "test/b.test.ts": testFile(body) }, { checks: ["tests"] });
    expect(results.get("tests")?.passed).toBe(true);
    expect(existsSync(join(outside, "file"))).toBe(false);
  });

  it("loops for ever as a mutant counts as inconclusive, not as killed", async () => {
    const loop =
      "/** Counts. */\nexport function count(limit: number): number {\n  let seen = 0;\n  while (seen !== limit) {\n    seen += 1;\n  }\n  return seen;\n}\n";
    const tests =
      'import assert from "node:assert/strict";\nimport { test } from "node:test";\nimport { count } from "../src/loop.ts";\ntest("counts", () => assert.equal(count(3), 3));\n';
    const { results } = await grade(
      { "src/loop.ts": loop, "test/loop.test.ts": tests },
      {
        checks: ["tests", "mutants"],
        changed: ["src/loop.ts"],
        mutation: { mutants_max: 5, floor: 0.8, seed: 1, wall_ms: 20_000 },
      },
    );
    const counts = results.get("mutants")?.counts;
    expect(counts?.["inconclusive"]).toBeGreaterThan(0);
    expect((counts?.["killed"] ?? 0) + (counts?.["survived"] ?? 0) + (counts?.["inconclusive"] ?? 0)).toBe(
      counts?.["mutants"],
    );
  });
});
