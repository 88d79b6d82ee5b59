// The evaluator on real trees: one good, and several that try to look good.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createPythonEvaluator } from "../src/adapters/evaluator-python.ts";
import { createBubblewrapSandbox } from "../src/adapters/sandbox-bubblewrap.ts";
import type { CheckResult } from "../src/domain/review.ts";
import type { EvaluationRequest } from "../src/ports/evaluator.ts";
import { reviewTools } from "./support/review-tools.ts";

const { bubblewrap, python } = await reviewTools();
const sandbox = createBubblewrapSandbox({ bubblewrap: bubblewrap ?? "bwrap" });
const evaluator = createPythonEvaluator({ sandbox, python });
const folder = mkdtempSync(join(tmpdir(), "evaluator-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const GOOD: Record<string, string> = {
  "pyproject.toml": `[project]
name = "halves"
version = "1.0.0"
scripts = { halves = "halves.cli:main" }

[tool.pytest.ini_options]
pythonpath = ["src"]
`,
  "README.md": "# halves\n\n```console\n$ halves 10\n5\n$ halves 3\nodd: 3\n```\n",
  "src/halves/__init__.py": '"""Halves of numbers."""\n',
  "src/halves/cli.py": `"""Command line."""

import sys


def half(number: int) -> int:
    """Return half of an even number."""
    if number % 2 != 0:
        raise ValueError(f"odd: {number}")
    return number // 2


def main(argv: list[str] | None = None) -> int:
    """Print half of the first argument."""
    words = sys.argv[1:] if argv is None else argv
    try:
        print(half(int(words[0])))
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return 0
`,
  "tests/test_cli.py": `import sys

import pytest

from halves import cli


@pytest.mark.parametrize(("number", "expected"), [(10, 5), (0, 0), (-4, -2)])
def test_half(number, expected):
    assert cli.half(number) == expected


def test_odd():
    with pytest.raises(ValueError, match="^odd: 3$"):
        cli.half(3)


def test_main(capsys, monkeypatch):
    assert cli.main(["10"]) == 0
    assert capsys.readouterr().out == "5\\n"
    assert cli.main(["3"]) == 2
    assert capsys.readouterr().err == "odd: 3\\n"
    monkeypatch.setattr(sys, "argv", ["halves", "8"])
    assert cli.main() == 0
    assert capsys.readouterr().out == "4\\n"
`,
};

async function grade(
  changes: Record<string, string | null>,
  request: Partial<EvaluationRequest>,
): Promise<Map<string, CheckResult>> {
  const tree = mkdtempSync(join(folder, "tree-"));
  for (const [path, content] of Object.entries({ ...GOOD, ...changes })) {
    if (content === null) continue; // the tree does not have it
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), content);
  }
  const results = await evaluator.evaluate({
    tree,
    checks: [],
    probes: [],
    acceptance: [],
    changed: [],
    dependencies: {},
    mutation: { mutants_max: 40, floor: 0.8, seed: 1, wall_ms: 30_000 },
    ...request,
  });
  return new Map(results.map((result) => [result.check, result]));
}

describe("a good tree", () => {
  it("passes every check, with counts and commands as evidence", async () => {
    const results = await grade(
      {},
      {
        checks: [...evaluator.checks],
        probes: [
          {
            id: "ten",
            text: "half of ten",
            run: ["halves", "10"],
            expect: { exit_code: 0, stdout: "5" },
            proves: ["halving"],
          },
        ],
        acceptance: [
          {
            id: "odd",
            text: "odd numbers are refused",
            run: ["halves", "7"],
            expect: { exit_code: 2, stderr_contains: "odd" },
          },
        ],
      },
    );
    const failed = [...results.values()].filter(({ passed }) => !passed);
    expect(failed).toEqual([]);
    expect(results.get("tests")?.counts).toEqual({ tests: 5, failures: 0, errors: 0, skipped: 0 });
    expect(results.get("mutants")?.counts["mutants"]).toBeGreaterThan(10);
    expect(results.get("ten")).toMatchObject({ proves: ["halving"], held_out: false, command: "halves 10" });
    expect(results.get("odd")).toMatchObject({ held_out: true, veto: true, exit_code: 2 });
    expect(results.has("unchanged")).toBe(false);
  });

  it("gets the same verdict again", async () => {
    const stable = (results: Map<string, CheckResult>) =>
      [...results].map(([name, { passed, value, counts }]) => ({ name, passed, value, counts }));
    const request = { checks: ["tests", "lint", "mutants", "coverage"] };
    expect(stable(await grade({}, request))).toEqual(stable(await grade({}, request)));
  });
});

describe("a tree with dependencies", () => {
  const packages = mkdtempSync(join(folder, "packages-"));
  mkdirSync(join(packages, "evenness"));
  writeFileSync(join(packages, "evenness/__init__.py"), "def odd(number):\n    return number % 2 != 0\n");
  const cli = (GOOD["src/halves/cli.py"] ?? "")
    .replace("import sys\n", "import sys\n\nfrom evenness import odd\n")
    .replace("if number % 2 != 0:", "if odd(number):");
  const run = ["python", "-c", "import evenness; open(evenness.__file__, 'a')"];

  it("finds them after its own sources, read-only, in every check", async () => {
    const results = await grade(
      { "src/halves/cli.py": cli },
      {
        checks: [...evaluator.checks],
        dependencies: { python: packages },
        acceptance: [{ id: "fixed", text: "fixed", run, expect: { exit_code: 1, stderr_contains: "Read-only" } }],
      },
    );
    expect([...results.values()].filter(({ passed }) => !passed)).toEqual([]);
    expect(results.get("mutants")?.counts["mutants"]).toBeGreaterThan(10);
  });

  it("fails its tests without them", async () => {
    const tests = (await grade({ "src/halves/cli.py": cli }, { checks: ["tests"] })).get("tests");
    expect(tests?.excerpt).toMatch(/No module named 'evenness'/);
  });
});

const CONFTEST_SKIPS =
  "import pytest\n\ndef pytest_collection_modifyitems(items):\n    for item in items:\n        item.add_marker(pytest.mark.skip)\n";
const REWRITES = "from pathlib import Path\n\ndef test_x():\n    Path('src/halves/cli.py').write_text('')\n";
const TELLS_MUTANTS =
  "import os, sys\n\nif any('Mutant' in type(f).__name__ for f in sys.meta_path):\n    os._exit(1)\n";
// Runs when an interpreter starts that can import it, and answers in place of the harness.
const ANSWERS_FIRST = `import json, os, sys

words = " ".join(sys.orig_argv)
if "run_docstrings.py" in words:
    print(json.dumps({"total": 1, "covered": 1, "missing": []}), flush=True)
    os._exit(0)
if "mutate.py" in words:
    marker = json.loads(sys.stdin.read())["marker"]
    counts = {"drawn": 9, "mutants": 9, "killed": 9, "survived": 0, "inconclusive": 0, "controls_failed": 0}
    print(marker + json.dumps({**counts, "survivors": [], "timeouts": []}), flush=True)
    os._exit(0)
`;
const FAKE_TOOL = '"""A tool."""\n\n\ndef run() -> int:\n    """Find nothing."""\n    return 0\n';
const ASSERTS_NOTHING = "from halves import cli\n\ndef test_x():\n    cli.half(2)\n";

const cases: [string, Record<string, string | null>, string, RegExp][] = [
  ["does not compile", { "src/halves/bad.py": "def f(:\n" }, "compile", /SyntaxError/],
  ["fails its tests", { "tests/test_b.py": "def test_b():\n    assert 1 == 2\n" }, "tests", /assert 1 == 2/],
  ["has no tests", { "tests/test_cli.py": "" }, "tests", /No test ran/],
  ["skips all its tests", { "conftest.py": CONFTEST_SKIPS }, "tests", /Every test is skipped/],
  [
    "deselects tests",
    { "pyproject.toml": `${GOOD["pyproject.toml"] ?? ""}addopts = "-k nothing"\n` },
    "tests",
    /addopts leaves tests out/,
  ],
  ["asserts nothing", { "tests/test_cli.py": ASSERTS_NOTHING }, "mutants", /Survived:/],
  [
    "answers in place of its mutants",
    { "tests/test_cli.py": ASSERTS_NOTHING, "src/sitecustomize.py": ANSWERS_FIRST },
    "mutants",
    /Survived:/,
  ],
  [
    "answers in place of the docstrings' check",
    { "src/sitecustomize.py": ANSWERS_FIRST, "src/halves/bare.py": "def bare():\n    pass\n" },
    "docstrings",
    /bare/,
  ],
  [
    "has a linter of its own",
    {
      "pyproject.toml": (GOOD["pyproject.toml"] ?? "").replace("scripts = {", 'scripts = { ruff = "halves.tool:run",'),
      "src/halves/tool.py": FAKE_TOOL,
      "src/halves/u.py": "import os\n",
    },
    "lint",
    /F401/,
  ],
  [
    "tells mutants from the program",
    { "conftest.py": TELLS_MUTANTS },
    "mutants",
    /don't pass on the unchanged|fail on the unchanged/,
  ],
  ["rewrites itself while it is tested", { "tests/test_z.py": REWRITES }, "unchanged", /src\/halves\/cli.py/],
  [
    "hides files from the linter",
    { "ruff.toml": "exclude = ['*']\n", "src/halves/u.py": "import os\n" },
    "lint",
    /F401/,
  ],
  ["is unformatted", { "src/halves/u.py": "x = [ 1 ]\n" }, "format", /u\.py/],
  [
    "has no docstrings",
    { "src/halves/cli.py": (GOOD["src/halves/cli.py"] ?? "").replaceAll(/ *""".*"""\n/g, "") },
    "docstrings",
    /half/,
  ],
  ["has no module to document", { "src/halves/cli.py": null }, "docstrings", /0 of 0/],
  ["has a README that is not true", { "README.md": "```console\n$ halves 10\n6\n```\n" }, "readme", /prints:\n5/],
];

describe("a tree that", () => {
  it.each(cases)("%s is found out", async (_, changes, check, reason) => {
    const checks = check === "mutants" ? ["tests", "mutants"] : check === "unchanged" ? ["tests"] : [check];
    const result = (await grade(changes, { checks })).get(check);
    expect(result?.passed).toBe(false);
    expect(result?.value).toBeLessThan(1);
    expect(result?.excerpt).toMatch(reason);
  });

  it("loops for ever as a mutant counts as inconclusive, not as killed", async () => {
    const loop =
      '"""Loop."""\n\n\ndef count(limit: int) -> int:\n    """Count."""\n    seen = 0\n    while seen != limit:\n        seen += 1\n    return seen\n';
    const tests = "from halves.loop import count\n\n\ndef test_count():\n    assert count(3) == 3\n";
    const results = await grade(
      { "src/halves/loop.py": loop, "tests/test_loop.py": tests },
      {
        checks: ["tests", "mutants"],
        changed: ["src/halves/loop.py"],
        dependencies: {},
        mutation: { mutants_max: 6, floor: 0.8, seed: 1, wall_ms: 20_000 },
      },
    );
    const counts = results.get("mutants")?.counts;
    expect(counts?.["inconclusive"]).toBeGreaterThan(0);
    expect((counts?.["killed"] ?? 0) + (counts?.["survived"] ?? 0) + (counts?.["inconclusive"] ?? 0)).toBe(
      counts?.["mutants"],
    );
  });
});
