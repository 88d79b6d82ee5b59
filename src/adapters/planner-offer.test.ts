import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { PlannerHeuristics } from "../domain/heuristics.ts";
import { ProjectSpec, type VisibleSpec } from "../domain/intake.ts";
import { countTokens } from "../platform/tokens.ts";
import { loadCapsuleLibrary } from "./capsule-library.ts";
import { offerOf, schemasOf } from "./planner-offer.ts";
import { deliveryCapsules, promptOf } from "./planner-prompt.ts";

const CAPSULES = fileURLToPath(new URL("../../services/task-capsule-repo/app/capsules", import.meta.url));
const THINGS = (
  "invoice parcel recipe calendar sensor ticket garden library-card playlist map menu photo podcast quiz resume " +
  "score survey timer translator voucher weather wiki album bakery clinic diary engine ferry garage hotel island " +
  "jukebox kiosk lottery museum nursery orchard parking quarry railway stadium theatre university vineyard warehouse"
).split(" ");

/** The product's capsules and as many others as make fifty, each with parameters of some size. */
const folder = mkdtempSync(join(tmpdir(), "planner-offer-"));
cpSync(CAPSULES, folder, { recursive: true });
const shipped = await deliveryCapsules(await loadCapsuleLibrary(folder));
for (const thing of THINGS.slice(0, 50 - shipped.size)) {
  const names = Array.from({ length: 12 }, (_, index) => `${thing.replace("-", "_")}_setting_${index}`);
  const properties = names.map(
    (name) => `    ${name}: { type: string, maxLength: 80, description: what ${name} says }`,
  );
  writeFileSync(
    join(folder, `make_${thing.replace("-", "_")}.yaml`),
    `id: make_${thing.replace("-", "_")}
version: 1.0.0
summary: A program in Elixir that manages one ${thing} after the other for people in a shop
type: delivery
stack: docs
persona: technical_writer
tools: [git, editor]
capabilities: [[elixir], [${thing.replace("-", " ")}]]
parameters:
  type: object
  additionalProperties: false
  properties:
${properties.join("\n")}
tasks:
  - { id: page, type: docs, description: Write it, tools: [editor], checks: [compile], paths: [index.md], success_criteria: [{ id: done, text: Written }] }
`,
  );
}
const library = await loadCapsuleLibrary(folder);
const capsules = await deliveryCapsules(library);
const { capsule: planner } = await library.get("kamachiq_project_planner");
const heuristics = PlannerHeuristics.parse(planner.heuristics);
const { catalogue_tokens_max } = heuristics.model;
afterAll(() => rmSync(folder, { recursive: true }));

function specOf(more: Record<string, unknown>): VisibleSpec {
  return ProjectSpec.parse({ name: "wanted", goals: ["Whatever is possible"], budget: { tokens: 1 }, ...more });
}

const idsOf = ({ shown }: ReturnType<typeof offerOf>): string[] =>
  shown.flatMap((one) => (typeof one === "string" ? [] : [String(one["id"])]));
const offer = (more: Record<string, unknown>, attachments = "", tokens_max = catalogue_tokens_max) =>
  offerOf(capsules.values(), specOf(more), attachments, tokens_max);

/** Goals in words that the matcher does not take for the capsule. */
const WANTED = [
  ["python_cli", "Something in Python that adds and divides numbers where people type"],
  ["python_library", "Dataclasses in Python for parcels, which other programs import"],
  [
    "rest_api",
    "Let programs create, read, change and remove tasks over HTTP: resources, validation, pagination, OpenAPI",
  ],
  ["typescript_library", "Records for npm with validation, typed in TypeScript"],
  ["docs_site", "Explain a program to its users: tutorials, guides, reference and a glossary on the web"],
  ["make_orchard", "Keep track of an orchard in Elixir"],
] as const;

describe("offerOf, of a library of fifty", () => {
  it("has fifty", () => expect(capsules.size).toBe(50));

  it.each(WANTED)("shows %s in full where it fits, within the limit", (id, goal) => {
    const made = offer({ goals: [goal] });
    expect(countTokens(JSON.stringify(made.shown))).toBeLessThanOrEqual(catalogue_tokens_max);
    expect(idsOf(made).slice(0, 3)).toContain(id);
    expect(made.detailed.size).toBeGreaterThan(0);
    expect([...made.detailed].every((one) => idsOf(made).includes(one))).toBe(true);
    expect(made.shown.at(-1)).toMatch(/^\d+ more capsules, whose words fit the spec less, are not shown$/);
  });

  it("gives each goal its turn, and reads the attachments", () => {
    const all = offer({ goals: WANTED.map(([, goal]) => goal) });
    expect(idsOf(all).slice(0, 2 * WANTED.length)).toEqual(expect.arrayContaining(WANTED.map(([id]) => id)));
    const byAttachment = offer({ goals: ["Do what the roadmap says"] }, "L1 # Ferry\nL3 - a ferry, in Elixir");
    expect(idsOf(byAttachment)[0]).toBe("make_ferry");
  });

  it("shows what the spec names before all others", () => {
    const named = offer({ capsule: "make_invoice", goals: [WANTED[0][1]] });
    expect(idsOf(named)[0]).toBe("make_invoice");
    const stated = offer({ goals: [WANTED[0][1]], deliverables: [{ id: "a", capsule: "make_wiki" }] });
    expect(idsOf(stated)[0]).toBe("make_wiki");
  });

  it("keeps the whole question small, and shows at least one capsule", () => {
    const spec = specOf({ goals: WANTED.map(([, goal]) => goal) });
    const { instructions, message, detailed } = promptOf(
      planner,
      spec,
      { capsules, personas: new Set() },
      heuristics,
      "",
    );
    expect(countTokens(instructions + message)).toBeLessThan(catalogue_tokens_max + 1_000);
    expect(detailed.size).toBeGreaterThan(0);
    expect(idsOf(offer({}, "", 1))).toHaveLength(1);
  });

  it("gives schemas of capsules as far as tokens allow", () => {
    const [first, second] = [...capsules.values()].filter(({ id }) => /^make_(ferry|wiki)$/.test(id));
    if (first === undefined || second === undefined) throw new Error("not there");
    const one = countTokens(JSON.stringify(first.parameters));
    expect([...schemasOf([first, second], one + 50).keys()]).toEqual([first.id]);
    expect(schemasOf([first, second], 10).size).toBe(0);
  });
});
