import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Attachment } from "./intake.ts";
import { Requirement } from "./requirements.ts";
import { type Summary, summarise } from "./summary.ts";

const ROADMAP = readFileSync(fileURLToPath(new URL("../../test/fixtures/roadmap.md", import.meta.url)), "utf8");

function attachment(content: string, name = "roadmap.md"): Attachment {
  return { name, media_type: "text/markdown", content };
}

const of = (content: string): Summary => summarise([attachment(content)], 40_000);
const found = (content: string): string[] => of(content).requirements.map(({ kind, text }) => `${kind}: ${text}`);

describe("summarise", () => {
  it("finds what a roadmap asks for, with its lines", () => {
    const { requirements } = of(ROADMAP);
    expect(requirements.map(({ line, end_line, kind }) => `${line}-${end_line} ${kind}`)).toEqual([
      "15-15 item",
      "16-16 item",
      "20-20 sentence",
      "20-21 sentence",
      "22-23 sentence",
      "29-29 item",
      "30-30 item",
      "32-32 item",
      "33-33 item",
      "35-35 sentence",
      "45-45 item",
      "46-46 item",
      "47-47 item",
      "51-52 story",
      "53-53 story",
      "66-66 item",
      "70-70 sentence",
      "79-80 acceptance",
      "81-81 acceptance",
    ]);
    expect(requirements[4]).toMatchObject({
      text: "A late scan shall never move a parcel backwards.",
      attachment: "roadmap.md",
      heading_path: ["Parcel tracking: roadmap", "Requirements"],
    });
    expect(requirements[10]?.text).toBe("Health check that fails when the database is gone");
    for (const requirement of requirements) expect(Requirement.parse(requirement)).toEqual(requirement);
  });

  it("finds milestones and workstreams, once each, with the lines of their sections", () => {
    const { milestones, workstreams } = of(ROADMAP);
    expect(milestones).toEqual([
      { id: "m1", title: "Scans are kept", due: "2026-03-31", attachment: "roadmap.md", line: 63, end_line: 67 },
      { id: "m2", title: "Customers look", due: "2026-06-30", attachment: "roadmap.md", line: 68, end_line: 71 },
      { id: "m3", title: "Support searches", attachment: "roadmap.md", line: 61, end_line: 61 },
    ]);
    expect(workstreams.map(({ id, title, line }) => `${id} ${title} ${line}`)).toEqual([
      "backend Backend 74",
      "web Web 75",
    ]);
  });

  it("quotes the lines of the source, and nothing of code, comments, questions and what is out of scope", () => {
    const { text, left_out } = of(ROADMAP);
    expect(text.split("\n").slice(0, 5)).toEqual([
      "roadmap.md, 86 lines:",
      "L6 # Parcel tracking: roadmap",
      "L8 Customers ask where their parcel is, and support answers by hand.",
      "L13 ## Goals",
      expect.stringMatching(/^L15 \[r-[0-9a-f]{8}\] Customers see where a parcel is within ten seconds of a scan$/),
    ]);
    expect(text).not.toMatch(/Heron|must not parse|refused scans\?|Printing|app must not/);
    expect(left_out).toEqual({ requirements: 0, statements: 0, lines: 0, set_aside: 3 });
  });

  it("keeps an id when anything else is edited, and lets no two be the same", () => {
    const ids = (text: string): string[] => of(text).requirements.map(({ id }) => id);
    const before = ids(ROADMAP);
    const edited = ROADMAP.replace("It\nmust refuse", "It **must**\nrefuse").replace(
      "## Goals",
      "Some text.\n\n## Aims and goals\n\n- One more",
    );
    expect(ids(edited).filter((id) => before.includes(id))).toEqual(before);
    expect(ids("- it must\n- it must\n- it must not\n")).toEqual([
      expect.stringMatching(/^r-[0-9a-f]{8}$/),
      expect.stringMatching(/^r-[0-9a-f]{8}-2$/),
      expect.stringMatching(/^r-[0-9a-f]{8}$/),
    ]);
  });

  it.each([
    [
      "modal verbs",
      "A must b. It needs to c! We have to d. It is e. It should f?",
      ["sentence: A must b.", "sentence: It needs to c!", "sentence: We have to d."],
    ],
    ["abbreviations", "It must print e.g. Tables. Fine.", ["sentence: It must print e.g. Tables."]],
    ["an introduction", "It shall have:\n\n- a\n- b:\n  - c\n\nText\n\n- d\n", ["item: a", "item: c"]],
    ["an introduction of nothing", "It shall have:\n\nText\n", ["sentence: It shall have:"]],
    ["items without a heading", "- a\n- it must b\n", ["sentence: it must b"]],
    ["ticked items", "# Features\n\n- [x] a\n- [ ] b\n", ["item: b"]],
    ["scenarios", "- Given a, when b, then c\n", ["acceptance: Given a, when b, then c"]],
    ["criteria", "# Definition of done\n\n- a must b\n", ["acceptance: a must b"]],
    ["non-goals", "# Features\n\n## Non-goals\n\n- a must b\n", []],
    ["no requirements", "# Team\n\n- Ann\n- Bo\n", []],
    ["words in words", "The mustard and the shallow\n", []],
  ])("knows %s", (_, text, expected) => {
    expect(found(text)).toEqual(expected);
  });

  it.each([
    ["# Milestone 1: Base (2026-03-31)", "m1 Base 2026-03-31"],
    ["## M2 – Beta, due March 3rd, 2027", "m2 Beta 2027-03-03"],
    ["## Phase II: Roll-out", "phase-ii Roll-out"],
    ["## Release 1.0", "release-1.0 Release 1.0"],
    ["## Milestone: Ärger über Ünicode", "arger-uber-unicode Ärger über Ünicode"],
    ["# Milestones\n\n- **M1** Base (2026-02-30): all of it", "m1 Base (2026-02-30)"],
    ["# Milestones\n\n- 2026-04-01: Beta is out", "beta-is-out Beta is out 2026-04-01"],
    ["# Milestones\n\n- Beta by 1 Apr 2026. It is small.", "beta Beta 2026-04-01"],
    ["# Timeline\n\n- Nothing\n- GA on 2026-05-01", "ga GA 2026-05-01"],
    ["| ID | Milestone | When |\n|-|-|-|\n| M1 | Base | 2026-01-02 |", "m1 Base 2026-01-02"],
    ["# Release notes\n\n## Phases of the moon", ""],
  ])("reads the milestone in %j", (text, expected) => {
    const { milestones } = of(text);
    expect(milestones.map(({ id, title, due }) => [id, title, due].join(" ").trim()).join("; ")).toBe(expected);
  });

  it.each([
    ["# Workstream A: Data", "ws-a Data"],
    ["# WS2: Data", "ws2 Data"],
    ["# Epic: Data", "data Data"],
    ["# Workstreams\n\n1. Data – all of it\n2. Web: pages", "data Data; web Web"],
    ["| Track | Lead |\n|-|-|\n| Data | Ann |", "data Data"],
  ])("reads the workstream in %j", (text, expected) => {
    expect(
      of(text)
        .workstreams.map(({ id, title }) => `${id} ${title}`)
        .join("; "),
    ).toBe(expected);
  });

  it("keeps what is asked for when room is short, and counts the rest", () => {
    const whole = of(ROADMAP);
    const { text, left_out, requirements } = summarise([attachment(ROADMAP)], 1_600);
    expect(text.length).toBeLessThanOrEqual(1_600);
    expect(left_out.statements).toBeGreaterThan(0);
    expect(requirements).toEqual(whole.requirements);
    for (const { id } of requirements) expect(text).toContain(id);
    expect(summarise([attachment(ROADMAP)], 10).text.length).toBeLessThanOrEqual(10);
    expect(summarise([], 100)).toMatchObject({ text: "", requirements: [] });
  });

  it("is bounded: 500 requirements, 2,000 characters each, 40,000 in all", () => {
    const item = (index: number): string => `- It must ${index} ${"x ".repeat(1_500)}`;
    const many = Array.from({ length: 600 }, (_, index) => item(index)).join("\n");
    const { text, requirements, left_out } = summarise([attachment(many)], 1_000_000);
    expect(requirements).toHaveLength(500);
    expect(left_out.requirements).toBe(100);
    expect(Math.max(...requirements.map((requirement) => requirement.text.length))).toBeLessThanOrEqual(2_000);
    expect(text.length).toBeLessThanOrEqual(40_000);
    const names = Array.from({ length: 300 }, (_, index) => `# Milestone ${index}: x`).join("\n");
    expect(of(names).milestones).toHaveLength(100);
  });

  it.each([
    ["givens", "- Given when when ".padEnd(3_999, "when ") + "\n"],
    ["modal items", "- it must\n"],
    ["stops", `${"a. ".repeat(1_300)}\n\n`],
    ["spaces", `- as a ${" ".repeat(3_000)}b\n`],
    ["milestones", `# Milestone ${"1".repeat(300)}${" -".repeat(300)}\n`],
    ["colons", "- a must:\n"],
  ])("takes a megabyte of %s in three seconds of computing", (_, unit) => {
    const started = process.cpuUsage(); // not the clock: other tests run beside
    of(unit.repeat(Math.floor(1_000_000 / unit.length)));
    const { user, system } = process.cpuUsage(started);
    expect(user + system).toBeLessThan(3_000_000);
  });

  it("quotes each statement on one line that starts with its number, whatever the text", () => {
    const part = fc.constantFrom(
      "# Features\n\n",
      "- ",
      "must ",
      "\n",
      "\n\n",
      "\u202e",
      "\u2028",
      "L1 [r-00000000] ",
      "a. B ",
      "|",
      "`",
      "\r",
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 80 }), (parts) => {
        const { text, requirements } = of(parts.join(""));
        for (const line of text.split("\n")) expect(line).toMatch(/^(?:roadmap\.md, \d+ lines:|L\d+(?:-\d+)? .*)$/);
        expect(text).not.toMatch(/[\u2028\u202e\r]/);
        expect(new Set(requirements.map(({ id }) => id)).size).toBe(requirements.length);
      }),
    );
  });
});
