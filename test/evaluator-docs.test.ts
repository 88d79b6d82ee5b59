// The evaluator on real documentation sites: one good, and several that only look good.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createDocsEvaluator } from "../src/adapters/evaluator-docs.ts";
import { createBubblewrapSandbox } from "../src/adapters/sandbox-bubblewrap.ts";
import { resolveConfig } from "../src/config/config.ts";
import type { CheckResult } from "../src/domain/review.ts";
import type { EvaluationRequest } from "../src/ports/evaluator.ts";
import { createDependencyInstaller } from "../src/stack/dependencies.ts";
import { reviewTools } from "./support/review-tools.ts";

const LOCK = "../services/task-capsule-repo/app/capsules/docs_site/scaffold/requirements.lock.liquid";

const { bubblewrap, python } = await reviewTools();
const sandbox = createBubblewrapSandbox({ bubblewrap: bubblewrap ?? "bwrap" });
const evaluator = createDocsEvaluator({ sandbox, python });
const installer = createDependencyInstaller({ cache: resolveConfig().cache, python });
const lock = { path: "requirements.lock", content: readFileSync(new URL(LOCK, import.meta.url), "utf8") };
const { folder: packages } = await installer.install("python", [lock]);
const folder = mkdtempSync(join(tmpdir(), "evaluator-docs-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const frontMatter = (description: string) => `---\nmyst:\n  html_meta:\n    description: ${description}\n---\n\n`;

const GUIDE = `${frontMatter("How to halve numbers in a shell and in Python.")}# Halve a number

A {term}\`half\` is one of two equal parts. See [the settings](settings.md#rounding) first.

![A circle cut in two](half.svg)

## In a shell

\`\`\`console
$ echo $((10 / 2))
5
$ echo 3 > number
$ cat number
3
\`\`\`

## In Python

\`\`\`pycon
>>> half = 10 / 2
\`\`\`

The name is still there in the next block:

\`\`\`pycon
>>> half
5.0
\`\`\`
`;

const SETTINGS = `${frontMatter("Every setting with its type and default.")}# Settings

(rounding)=

## Rounding

- Default: \`2\`

\`\`\`yaml
rounding: 2
places: 1
\`\`\`

\`\`\`json
{ "rounding": 2 }
\`\`\`
`;

const TESTS = `"""The checks of the pages."""

import doctest
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from sphinx.cmd.build import build_main

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The built site."""
    folder = tmp_path_factory.mktemp("site")
    assert build_main(["-q", "-W", "-n", str(ROOT / "docs"), str(folder)]) == 0
    return folder


def blocks(language):
    """The text of all blocks of a language."""
    pattern = re.compile(rf"\`\`\`{language}\\n(.*?)\`\`\`", re.DOTALL)
    return [text for page in PAGES for text in pattern.findall(page.read_text("utf-8"))]


def test_console(tmp_path):
    """Commands print what the pages say."""
    pattern = re.compile(r"^\\$ (.*)\\n((?:[^$].*\\n)*)", re.MULTILINE)
    for block in blocks("console"):
        for command, output in pattern.findall(block):
            shell = ["/bin/sh", "-c", command]
            assert subprocess.check_output(shell, cwd=tmp_path, text=True) == output


def test_python():
    """Sessions print what the pages say."""
    text = "\\n".join(blocks("pycon"))
    session = doctest.DocTestParser().get_doctest(text, {}, "pages", None, 0)
    assert doctest.DocTestRunner().run(session).failed == 0


def test_data():
    """Data can be read and agrees with the page."""
    (settings,) = blocks("yaml")
    assert yaml.safe_load(settings) == {"rounding": 2, "places": 1}
    assert [json.loads(block) for block in blocks("json")] == [{"rounding": 2}]
    assert "- Default: \`2\`" in (ROOT / "docs/settings.md").read_text("utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_page(page):
    """Pages have a title, a description and images that can be read aloud."""
    text = page.read_text("utf-8")
    assert re.search(r"^# \\S", text, re.MULTILINE)
    assert re.search(r"^ +description: [^\\s\\"]", text, re.MULTILINE)
    assert "![](" not in text


def test_site(site):
    """The site builds without a warning."""
    assert (site / "index.html").is_file()
`;

const GOOD: Record<string, string> = {
  "README.md": "# Halves\n\n```console\n$ ls docs/*.md\ndocs/guide.md\ndocs/index.md\ndocs/settings.md\n```\n",
  "docs/conf.py": `"""Configuration of the site."""

project = "Halves"
extensions = ["myst_parser"]
html_theme = "furo"
`,
  "docs/half.svg": `<svg xmlns="http://www.w3.org/2000/svg" width="2" height="2"><path d="M0 0h1v2H0z"/></svg>\n`,
  "docs/index.md": `${frontMatter("Halves of numbers, explained.")}# Halves

\`\`\`{toctree}
:caption: Pages

guide
settings
\`\`\`

## Words

\`\`\`{glossary}
half
  One of two equal parts.
\`\`\`
`,
  "docs/guide.md": GUIDE,
  "docs/settings.md": SETTINGS,
  "tests/test_pages.py": TESTS,
};

type Change = (good: string) => string;

async function grade(
  changes: Record<string, string | Change | null>,
  request: Partial<EvaluationRequest>,
): Promise<Map<string, CheckResult>> {
  const tree = mkdtempSync(join(folder, "tree-"));
  const files: Record<string, string | Change | null> = { ...GOOD, ...changes };
  for (const [path, content] of Object.entries(files)) {
    if (content === null) continue;
    mkdirSync(dirname(join(tree, path)), { recursive: true });
    writeFileSync(join(tree, path), typeof content === "string" ? content : content(GOOD[path] ?? ""));
  }
  const results = await evaluator.evaluate({
    tree,
    checks: [],
    probes: [],
    acceptance: [],
    changed: [],
    dependencies: { python: packages },
    mutation: { mutants_max: 30, floor: 0.8, seed: 1, wall_ms: 60_000 },
    ...request,
  });
  return new Map(results.map((result) => [result.check, result]));
}

describe("a good site", () => {
  it("passes every check, with counts and commands as evidence", async () => {
    const probe = { id: "pages", text: "three pages", expect: { exit_code: 0, stdout: "3" }, proves: ["three"] };
    const run = ["python", "-c", "import pathlib; print(len([*pathlib.Path('docs').glob('*.md')]))"];
    const results = await grade({}, { checks: [...evaluator.checks], probes: [{ ...probe, run }] });
    expect([...results.values()].filter(({ passed }) => !passed)).toEqual([]);
    expect(results.get("build")?.counts).toEqual({ pages: 5, warnings: 0 });
    expect(results.get("links")?.counts).toMatchObject({ broken: 0 });
    expect(results.get("structure")?.counts).toEqual({ pages: 3, good: 3 });
    expect(results.get("examples")?.counts).toEqual({ examples: 7, true: 7 });
    expect(results.get("tests")?.counts).toEqual({ tests: 7, failures: 0, errors: 0, skipped: 0 });
    expect(results.get("mutants")?.counts["mutants"]).toBeGreaterThan(20);
    expect(results.get("pages")).toMatchObject({ proves: ["three"], held_out: false });
    expect(results.has("unchanged")).toBe(false);
  });

  it("gets the same verdict again", async () => {
    const stable = (results: Map<string, CheckResult>) =>
      [...results].map(([name, { passed, value, counts }]) => ({ name, passed, value, counts }));
    const request = { checks: ["build", "links", "structure", "examples", "tests", "mutants"] };
    expect(stable(await grade({}, request))).toEqual(stable(await grade({}, request)));
  });

  it("is built before it is merged, and tested once it has tests", () => {
    expect(evaluator.mergeChecks(["docs/conf.py", "docs/guide.md"])).toEqual([]);
    expect(evaluator.mergeChecks(["docs/conf.py", "docs/index.md"])).toEqual(["build"]);
    expect(evaluator.mergeChecks(["docs/conf.py", "docs/index.md", "tests/test_pages.py"])).toEqual(["build", "tests"]);
    expect(evaluator.detect(["docs/conf.py"])).toBe(true);
    expect(evaluator.detect(["README.md", "src/x.py"])).toBe(false);
  });
});

const swap = (old: string | RegExp, text: string) => (good: string) => {
  const changed = good.replace(old, text);
  if (changed === good) throw new Error(`nothing to change: ${String(old)}`);
  return changed;
};
const append = (text: string) => (good: string) => good + text;
const RAW = `\n\`\`\`{raw} html\n<a href="nowhere.html">x</a><a href="settings.html#gone">y</a>\n\`\`\`\n`;
const TELLS_COPIES = `"""Tells mutants from the tree."""

import pathlib
import sys

if "mutant" in str(pathlib.Path.cwd()):
    sys.exit(1)
`;

const cases: [string, Record<string, string | Change | null>, string, RegExp][] = [
  ["has no configuration", { "docs/conf.py": null }, "build", /There is no site/],
  ["links to a page that is not there", { "docs/guide.md": append("\n[x](gone.md)\n") }, "build", /cross-reference/],
  [
    "uses a word that it doesn't explain",
    { "docs/guide.md": append("\n{term}`third`\n") },
    "build",
    /term not in glossary/,
  ],
  ["has a page in no menu", { "docs/index.md": swap("settings\n", "") }, "build", /isn't included in any toctree/],
  [
    "hides its warnings",
    {
      "docs/conf.py": append('suppress_warnings = ["myst.xref_missing"]\n'),
      "docs/guide.md": append("\n[x](gone.md)\n"),
    },
    "build",
    /hides warnings[^]*gone\.md/,
  ],
  [
    "has a README that leads nowhere",
    { "README.md": append("\n[x](docs/gone.md)\n") },
    "links",
    /README.md: docs\/gone/,
  ],
  [
    "has HTML that leads nowhere",
    { "docs/guide.md": append(RAW) },
    "links",
    /nowhere\.html: leads to nowhere[^]*no such anchor/,
  ],
  [
    "skips a level",
    { "docs/guide.md": append("\n```{raw} html\n<h4>x</h4>\n```\n") },
    "structure",
    /h2 is followed by h4/,
  ],
  [
    "has an image without a text",
    { "docs/guide.md": swap("A circle cut in two", "") },
    "structure",
    /no alternative text/,
  ],
  [
    "has a page without a description",
    { "docs/settings.md": swap(/^---[^]*?---\n/, "") },
    "structure",
    /has no description/,
  ],
  [
    "has a page that no menu leads to",
    { "docs/guide.md": swap("---\n", "---\norphan: true\n"), "docs/index.md": swap("guide\n", "") },
    "structure",
    /can't be reached/,
  ],
  ["shows what no command prints", { "docs/guide.md": swap("\n5\n", "\n6\n") }, "examples", /says:\n6\nprints:\n5/],
  ["shows what Python doesn't answer", { "docs/guide.md": swap("5.0", "5.5") }, "examples", /Expected:\n\s+5\.5/],
  ["shows JSON that is none", { "docs/settings.md": swap("2 }", "2") }, "examples", /JSONDecodeError/],
  [
    "shows YAML that is none",
    { "docs/settings.md": swap("\nplaces", "\n places") },
    "examples",
    /ScannerError|ParserError/,
  ],
  [
    "shows no example",
    { "docs/guide.md": swap(/```[^]*$/, ""), "docs/settings.md": swap(/```[^]*$/, "") },
    "examples",
    /no example/,
  ],
  ["is untidy", { "docs/guide.md": append("\n<b>x</b> https://example.com\n") }, "lint", /MD033[^]*MD034/],
  ["has untidy code", { "docs/conf.py": append("import os\n") }, "lint", /E402|F401/],
  ["is unformatted", { "docs/guide.md": append("\n- x\n\n* y\n") }, "format", /guide\.md/],
  ["has unformatted code", { "docs/conf.py": append("x = [ 1 ]\n") }, "format", /conf\.py/],
  ["fails its own checks", { "tests/test_x.py": "def test_x():\n    assert 1 == 2\n" }, "tests", /assert 1 == 2/],
  ["has no checks of its own", { "tests/test_pages.py": "" }, "tests", /No test ran/],
  [
    "has checks that check nothing",
    { "tests/test_pages.py": "def test_x():\n    pass\n" },
    "mutants",
    /0 of [^]*Survived:\n/,
  ],
  ["tells copies from the tree", { "conftest.py": TELLS_COPIES }, "mutants", /don't pass on an unchanged copy/],
  ["has a README that is not true", { "README.md": swap("docs/guide.md\n", "") }, "readme", /prints:\ndocs\/guide/],
];

describe("a site that", () => {
  it.each(cases)("%s is found out", async (_, changes, check, reason) => {
    const checks = check === "mutants" ? ["tests", "mutants"] : [check];
    const result = (await grade(changes, { checks })).get(check);
    expect(result?.excerpt).toMatch(reason);
    expect(result?.passed).toBe(false);
    expect(result?.value).toBeLessThan(1);
  });

  it("has checks that hang on a mutant gets no credit for it", async () => {
    const tests = `${TESTS}

def test_hangs():
    """Waits until the page is as it was."""
    while "\\n## In a shell" not in (ROOT / "docs/guide.md").read_text("utf-8"):
        pass
`.replace("-W", "-Q");
    const request = { checks: ["tests", "mutants"], changed: ["docs/guide.md"] };
    const results = await grade({ "tests/test_pages.py": tests }, request);
    const { mutants = 0, killed = 0, survived = 0, inconclusive = 0 } = results.get("mutants")?.counts ?? {};
    expect(inconclusive).toBeGreaterThan(0);
    expect(killed + survived + inconclusive).toBe(mutants);
  });

  it("names no linter in its lock file is told so", async () => {
    const results = await grade({}, { checks: ["lint", "format"], dependencies: {} });
    expect(results.get("lint")).toMatchObject({ passed: false, excerpt: expect.stringMatching(/names no rumdl/) });
    expect(results.get("format")).toMatchObject({ passed: false });
  });
});
