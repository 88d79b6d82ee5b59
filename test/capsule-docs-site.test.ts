// What the capsule delivers for many sets of parameters, graded by the real evaluator in the real sandbox.
import { describe, expect, it } from "vitest";
import { createDocsEvaluator } from "../src/adapters/evaluator-docs.ts";
import { matchCapsules } from "../src/adapters/capsule-match.ts";
import { createBubblewrapSandbox } from "../src/adapters/sandbox-bubblewrap.ts";
import { resolveConfig } from "../src/config/config.ts";
import { createDependencyInstaller } from "../src/stack/dependencies.ts";
import { failures, library, openBench } from "./support/deliver.ts";
import { reviewTools } from "./support/review-tools.ts";

const { bubblewrap, python } = await reviewTools();
const evaluator = createDocsEvaluator({
  sandbox: createBubblewrapSandbox({ bubblewrap: bubblewrap ?? "bwrap" }),
  python,
});
const dependencies = createDependencyInstaller({ cache: resolveConfig().cache, python });
const goal = "Create a documentation site for our product";
const bench = await openBench({ capsule: "docs_site", goal, evaluator, dependencies });
const capsules = await library.list();

const WITHOUT_MUTANTS = evaluator.checks.filter((check) => check !== "mutants");

const step = { title: "Look", text: "See what is there.", code: { language: "sh", text: "ls" } };
const guide = { slug: "first", title: "First steps", summary: "You look around.", steps: [step], result: "You know." };
const article = {
  slug: "why",
  title: "Why it is so",
  summary: "Where it comes from.",
  sections: [{ title: "Reasons", paragraphs: ["There are reasons."] }],
};
const SMALL = {
  title: "Small",
  description: "A small thing.",
  audience: "everybody",
  tutorials: [guide],
  how_to: [{ ...guide, slug: "look", title: "Look at it" }],
  explanation: [article],
  glossary: [{ term: "thing", definition: "What this is about." }],
  settings: [{ name: "speed", type: "integer", default: 3, description: "How fast it is." }],
};
const HOSTILE = `- <b> "'\\ {{ x }} {% y %} # $(id) \`ls\` \`\`\` |a| (x)= % {term}\`no\` [a](b) *c* _d_ ![e](f) https://x.y & &amp; 中文 é`;
const every = { title: "= {{ x }} *a* `b` <c> 中文", summary: HOSTILE };
const setting = (name: string, type: string, value: unknown, more = {}) => ({
  name,
  type,
  default: value,
  description: HOSTILE,
  ...more,
});
const endpoint = {
  name: "put-it",
  title: "Put it",
  method: "PUT",
  path: "/things/{thing_id}/parts",
  description: HOSTILE,
  parameters: [
    { name: "thing_id", in: "path", type: "string", description: HOSTILE, example: "a-1" },
    { name: "deep", in: "query", type: "boolean", description: HOSTILE, example: "true" },
  ],
  request: [
    { name: "text", type: "string", description: HOSTILE, example: HOSTILE },
    { name: "list", type: "array", description: "A list.", example: [1, "`", { a: null }] },
    { name: "map", type: "object", description: "A map.", example: { "{{": "}}" } },
  ],
  response: [
    { name: "on", type: "boolean", description: "Whether.", example: true },
    { name: "share", type: "number", description: "How much.", example: 0.25 },
  ],
  errors: [{ status: 404, reason: HOSTILE }],
};

describe("docs_site", () => {
  it.each(bench.examples)(
    "delivers examples/%s with every check, held-out ones too, and checks that kill over 90 % of the mutants",
    async (_, spec) => {
      const { acceptance } = spec;
      const results = await bench.grade(await bench.deliver(spec), evaluator.checks, { acceptance });
      expect(failures(results)).toEqual([]);
      expect(results.filter(({ held_out }) => held_out)).toHaveLength(acceptance.length);
      expect(results.find(({ check }) => check === "mutants")?.value).toBeGreaterThan(0.9);
    },
  );

  it("lets every task pass its own checks on what is there when it ends", async () => {
    await bench.expectEachTaskToPass(bench.specOf({ ...SMALL, license: "MIT" }));
  });

  it.each<[string, Record<string, unknown>]>([
    [
      "hostile texts",
      {
        title: `"{{ x }}" & <b> 'c' [d](e) \\f`,
        description: HOSTILE,
        audience: HOSTILE,
        author: `O'Neil "x" \\`,
        license: "MIT",
        tutorials: [{ ...guide, ...every, before: [HOSTILE, "% x"], result: HOSTILE, terms: ["thing"] }],
        how_to: [
          { ...guide, slug: "look", title: "1. Look - at `it`", steps: [{ ...step, title: "# x", text: HOSTILE }] },
        ],
        explanation: [
          { ...article, sections: [{ title: '"Reasons" & [more]', paragraphs: [HOSTILE, "+ x", "(x)="] }] },
        ],
        glossary: [{ term: "thing", definition: HOSTILE }],
      },
    ],
    [
      "settings of every kind as JSON",
      {
        settings_file: "x.json",
        settings: [
          setting("a", "string", `"\\ {{ x }} '#`),
          setting("b", "number", 1e-7, { minimum: -1.5, maximum: 1e20 }),
          setting("c", "integer", -3, { maximum: 0 }),
          setting("d", "boolean", true),
          setting("e", "string", "two", { choices: ["one", "two"] }),
        ],
      },
    ],
    [
      "settings as TOML",
      { settings_file: "x.toml", settings: [setting("a", "string", `é "\\ '`), setting("b_c", "number", 2.5)] },
    ],
    [
      "settings as YAML",
      { settings_file: "x.yaml", settings: [setting("a", "string", "yes: #no"), setting("b", "string", "")] },
    ],
    [
      "commands with every kind of word",
      {
        program: "small",
        commands: [
          { name: "go", summary: HOSTILE },
          {
            name: "stop-it",
            summary: "Stops.",
            arguments: [
              { name: "WHAT", description: HOSTILE },
              { name: "WHEN", description: "Later.", required: false },
            ],
            options: [
              { name: "--now", description: HOSTILE },
              { name: "--in-time", value: "SECONDS", description: "How long." },
            ],
          },
        ],
        tutorials: [
          { ...guide, commands: ["go"], steps: [{ ...step, code: { language: "sh", text: "small stop-it --now x" } }] },
        ],
      },
    ],
    [
      "an HTTP API",
      {
        base_url: "http://localhost:8080",
        settings: [],
        endpoints: [endpoint, { ...endpoint, name: "drop-it", title: every.title, method: "DELETE", request: [] }],
        headers: [
          { name: "X-Api-Key", value: "Bearer $KEY", description: HOSTILE },
          { name: "Accept", value: "*/*", description: "x" },
        ],
        tutorials: [{ ...guide, endpoints: ["drop-it", "put-it"] }],
      },
    ],
    ["a place below a host", { site_url: "https://example.com/a/b/" }],
  ])("delivers a clean site for %s", async (_, parameters) => {
    const delivery = await bench.deliver(bench.specOf({ ...SMALL, ...parameters }));
    expect(failures(await bench.grade(delivery, WITHOUT_MUTANTS))).toEqual([]);
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    ["no facts for a reference", { settings: [] }, /give commands, settings or endpoints/],
    [
      "a word twice",
      { glossary: [...SMALL.glossary, { term: "Thing", definition: "x" }] },
      /the word "thing" is there 2/,
    ],
    ["a page twice", { how_to: [guide] }, /the slug "first" is there 2 times/],
    ["a word that is not explained", { tutorials: [{ ...guide, terms: ["gone"] }] }, /word of the glossary "gone"/],
    ["a page that is not there", { tutorials: [{ ...guide, related: ["gone"] }] }, /names the page "gone"/],
    [
      "a page with the title of a menu",
      { tutorials: [{ ...guide, title: "glossary" }] },
      /the title "Glossary" is there 2/,
    ],
    ["a page in the menu's place", { tutorials: [{ ...guide, slug: "index" }] }, /belongs to the menus/],
    ["commands of nothing", { commands: [{ name: "go", summary: "Goes." }] }, /name the program/],
    ["an endpoint that is not there", { tutorials: [{ ...guide, endpoints: ["gone"] }] }, /names the endpoint "gone"/],
    ["a header that ends the command", { headers: [{ name: "X", value: '"; ls', description: "x" }] }, /headers\[0\]/],
    ["endpoints of nothing", { endpoints: [endpoint] }, /what the paths of the endpoints are below/],
    ["a default of another type", { settings: [setting("a", "integer", "x")] }, /settings\[0\]/],
    ["a default out of bounds", { settings: [setting("a", "integer", 1, { minimum: 2 })] }, /below its minimum/],
    [
      "a default that is no choice",
      { settings: [setting("a", "string", "c", { choices: ["b"] })] },
      /none of its choices/,
    ],
    [
      "a path that is not described",
      { base_url: "https://x.y", endpoints: [{ ...endpoint, path: "/a/{thing_id}/{gone}" }] },
      /has 2 parameters in braces, and 1 are described/,
    ],
    ["a guide in which nothing is done", { tutorials: [{ ...guide, steps: [{ title: "x", text: "y" }] }] }, /steps/],
    [
      "a fence in an example",
      { tutorials: [{ ...guide, steps: [{ ...step, code: { language: "sh", text: "a\n```\nb" } }] }] },
      /without tabs/,
    ],
  ])("refuses %s", async (_, parameters, problem) => {
    const delivered = bench.deliver(bench.specOf({ ...SMALL, ...parameters }));
    await expect(delivered).rejects.toMatchObject({
      code: "parameters_invalid",
      problems: expect.arrayContaining([expect.stringMatching(problem)]),
    });
  });

  it.each([
    goal,
    "Write a developer handbook",
    "Build a website with the documentation of the API",
    "Set up a docs portal",
  ])("is what delivers %j, and nothing else is", (wanted) => {
    const spec = { ...bench.specOf({}), name: "x", goals: [wanted] };
    expect(matchCapsules(spec, capsules).map(({ capsule }) => capsule.id)).toEqual(["docs_site"]);
  });
});
