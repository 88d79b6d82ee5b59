import { describe, expect, it } from "vitest";
import { type CoverageSubject, coverageSubjects, coverRequirements } from "./requirement-coverage.ts";
import type { Requirement } from "./requirements.ts";
import { stemsOf } from "./words.ts";

let next = 0;
function requirement(text: string, line = 1, end_line = line): Requirement {
  next += 1;
  const id = `r-${next.toString(16).padStart(8, "0")}`;
  return { id, kind: "sentence", text, attachment: "a.md", line, end_line, heading_path: [] };
}

function subject(id: string, text: string, sources: CoverageSubject["sources"] = []): CoverageSubject {
  return { id, passages: [{ from: "task t", text }], sources };
}

const reasons = (list: Requirement[], ...subjects: CoverageSubject[]): string[] =>
  coverRequirements(list, subjects).matches.map(({ deliverable, by, reason }) => `${deliverable} ${by}: ${reason}`);

describe("coverRequirements", () => {
  it("counts a deliverable that cites one of the lines", () => {
    const cites = (line: number, end_line: number) => [{ attachment: "a.md", line, end_line }];
    const asked = [requirement("It must fly", 4, 5)];
    expect(reasons(asked, subject("x", "", cites(5, 9)))).toEqual(["x source: cites a.md:5-9"]);
    expect(reasons(asked, subject("x", "", cites(1, 3)), subject("y", "", cites(6, 6)))).toEqual([]);
    expect(reasons(asked, subject("x", "", [{ attachment: "b.md", line: 4, end_line: 4 }]))).toEqual([]);
  });

  it("counts a passage that has most of the words, in whatever form, and says which", () => {
    const asked = [requirement("The service must validate and store each scan of a parcel.")];
    expect(reasons(asked, subject("api", "Stores scans once their parcels are validated"))).toEqual([
      "api words: 4 of 5 words in task t: validate, store, scan, parcel",
    ]);
    expect(reasons(asked, subject("api", "Stores files of the service"))).toEqual([]);
  });

  it("compares one passage at a time, and wants two common words", () => {
    const asked = [requirement("Refuse duplicate uploads")];
    const passages = ["Refuse", "duplicates", "upload"].map((text) => ({ from: text, text }));
    expect(coverRequirements(asked, [{ id: "x", passages, sources: [] }]).uncovered).toHaveLength(1);
    expect(reasons([requirement("It must be fast enough")], subject("x", "fast"))).toEqual([]);
    expect(reasons([requirement("It must export")], subject("x", "exports"))).toEqual([
      "x words: 1 of 1 words in task t: export",
    ]);
  });

  it("lists what nothing covers, in order, and at most the five best of what does", () => {
    const asked = [requirement("Print labels"), requirement("Queue mails", 2), requirement("Make the tea")];
    const subjects = ["a", "b", "c", "d", "e", "f"].map((id) => subject(id, "mails are queued"));
    subjects.push(subject("g", "", [{ attachment: "a.md", line: 2, end_line: 2 }]));
    const { matches, uncovered } = coverRequirements(asked, subjects);
    expect(uncovered).toEqual([asked[0]?.id, asked[2]?.id]);
    expect(matches.map(({ deliverable, by }) => `${deliverable} ${by}`)).toEqual([
      "g source",
      "a words",
      "b words",
      "c words",
      "d words",
    ]);
    expect(coverRequirements([requirement("It must be as it is")], subjects).uncovered).toHaveLength(1);
  });

  it("reads a plan's deliverables: goals, parameters, tasks and their criteria", () => {
    const node = {
      id: "core",
      type: "code" as const,
      description: "Write the arithmetic",
      dependencies: [],
      estimated_tokens: 1,
      persona: "p",
      inputs: {},
      success_criteria: [{ id: "c", text: "Division by zero is an error" }],
      tools: [],
      paths: [],
      checks: [],
      estimated_seconds: 1,
    };
    const deliverable = { id: "cli", title: "Calculator", persona: "p", tools: [], budget_tokens: 1, dependencies: [] };
    const plan = {
      deliverables: [{ ...deliverable, sources: [], parameters: { operations: ["add"] }, registries: [] }],
      graphs: {
        cli: { nodes: [node], budget_total: 1, timeout_minutes: 1, quality_threshold: 1, ownership: "error" as const },
      },
    };
    expect(coverageSubjects(plan, () => ["A command line"])).toEqual([
      {
        id: "cli",
        sources: [],
        passages: [
          { from: "the goal", text: "Calculator" },
          { from: "the goal", text: "A command line" },
          { from: "the parameters", text: '{"operations":["add"]}' },
          { from: "task core", text: "Write the arithmetic\nDivision by zero is an error" },
        ],
      },
    ]);
  });

  it("takes the largest plan against the most requirements in three seconds of computing", () => {
    const words = Array.from({ length: 60 }, (_, index) => `word${index}x`).join(" ");
    const asked = Array.from({ length: 500 }, () => requirement(words));
    const passages = Array.from({ length: 10 }, () => ({ from: "t", text: words }));
    const subjects = Array.from({ length: 100 }, (_, index) => ({ id: `d${index}`, passages, sources: [] }));
    const started = process.cpuUsage(); // not the clock: other tests run beside
    expect(coverRequirements(asked, subjects).matches).toHaveLength(2_500);
    const { user, system } = process.cpuUsage(started);
    expect(user + system).toBeLessThan(3_000_000);
  });
});

describe("stemsOf", () => {
  it.each([
    ["validate validates validated validating validation", "valid"],
    ["stop stops stopped stopping", "stop"],
    ["divide divided dividing divides", "divid"],
    ["query queries", "quer"],
    ["the of must and a", ""],
    ["Bus bus", "bus"],
    ["Ärger 404", "ärg 404"],
  ])("takes %j as one", (text, expected) => {
    expect([...stemsOf(text, 10).keys()].join(" ")).toBe(expected);
  });

  it("keeps the words as they were written, and no more than asked", () => {
    expect([...stemsOf("Testing many tests", 10).values()]).toEqual(["testing", "many"]);
    expect(stemsOf("one1 two2 three3", 2).size).toBe(2);
  });
});
