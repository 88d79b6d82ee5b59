import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Outcome, Schedule, type ScheduleNode } from "./schedule.ts";

/** Random valid graphs: each node depends on some of the nodes before it. */
const graphs = fc
  .array(
    fc.record({
      weight: fc.integer({ min: 0, max: 9 }),
      picks: fc.array(fc.nat(), { maxLength: 3 }),
      conditional: fc.boolean(),
    }),
    { maxLength: 30 },
  )
  .map((rows): ScheduleNode[] =>
    rows.map(({ weight, picks, conditional }, index) => ({
      id: `n${index}`,
      weight,
      conditional,
      dependencies: index === 0 ? [] : [...new Set(picks.map((pick) => `n${pick % index}`))],
    })),
  );
const steps = fc.infiniteStream(
  fc.record({ outcome: fc.constantFrom<Outcome>("done", "done", "done", "failed", "skipped"), pick: fc.nat() }),
);

describe("Schedule", () => {
  it("starts the longest remaining path first", () => {
    const schedule = new Schedule([
      { id: "short", dependencies: [], weight: 5 },
      { id: "head", dependencies: [], weight: 1 },
      { id: "tail", dependencies: ["head"], weight: 9 },
    ]);
    expect([schedule.next(), schedule.next(), schedule.next()]).toEqual(["head", "short", undefined]);
    expect(schedule.started).toEqual(["short", "head"]);
    schedule.complete("head", "done");
    expect(schedule.next()).toBe("tail");
  });

  it("takes new weights for what has not started", () => {
    const nodes = ["a", "b", "c"].map((id) => ({ id, dependencies: [], weight: 1 }));
    const schedule = new Schedule(nodes);
    schedule.reweigh([1, 2, 3]);
    expect([schedule.next(), schedule.next(), schedule.next()]).toEqual(["c", "b", "a"]);
  });

  it("names all that a failure takes with it, once", () => {
    const schedule = new Schedule([
      { id: "a", dependencies: [], weight: 1 },
      { id: "b", dependencies: ["a"], weight: 1 },
      { id: "c", dependencies: ["a", "b"], weight: 1, conditional: true },
      { id: "d", dependencies: [], weight: 1 },
    ]);
    schedule.next();
    expect(schedule.complete("a", "failed")).toEqual([
      { id: "b", outcome: "failed" },
      { id: "c", outcome: "failed" },
    ]);
    expect(schedule.next()).toBe("d");
    schedule.complete("d", "done");
    expect(schedule.done).toBe(true);
  });

  it("skips what follows a skipped node, up to the next condition", () => {
    const schedule = new Schedule([
      { id: "gate", dependencies: [], weight: 1, conditional: true },
      { id: "follows", dependencies: ["gate"], weight: 1 },
      { id: "asks", dependencies: ["follows"], weight: 1, conditional: true },
    ]);
    schedule.next();
    expect(schedule.complete("gate", "skipped")).toEqual([{ id: "follows", outcome: "skipped" }]);
    expect(schedule.next()).toBe("asks");
  });

  it("ends every node exactly once, as a naive reading of the rules says, also from snapshots", () => {
    fc.assert(
      fc.property(graphs, steps, (nodes, stream) => {
        let schedule = new Schedule(nodes);
        const ended = new Map<string, string>();
        const running: string[] = [];
        while (!schedule.done) {
          for (let id = schedule.next(); id !== undefined; id = schedule.next()) {
            expect(fate(nodes, ended, id)).toBe("runs");
            running.push(id);
          }
          expect(running.length).toBeGreaterThan(0);
          const { outcome, pick } = stream.next().value;
          const [id] = running.splice(pick % running.length, 1) as [string];
          const conditional = nodes.find((node) => node.id === id)?.conditional === true;
          const end = outcome === "skipped" && !conditional ? "done" : outcome;
          ended.set(id, end);
          for (const cut of schedule.complete(id, end)) {
            expect(ended.has(cut.id)).toBe(false);
            ended.set(cut.id, cut.outcome === "failed" ? "cut" : "skipped");
          }
          expect(schedule.started.toSorted()).toEqual(running.toSorted());
          schedule = new Schedule(nodes, schedule.snapshot);
        }
        expect(ended.size).toBe(nodes.length);
        for (const { id } of nodes) {
          if (ended.get(id) === "cut") expect(fate(nodes, ended, id)).toContain("cut");
        }
      }),
    );
  });
});

/** What the rules say of a node, given how others ended. */
function fate(nodes: readonly ScheduleNode[], ended: ReadonlyMap<string, string>, id: string): string {
  const node = nodes.find((candidate) => candidate.id === id) as ScheduleNode;
  const before = node.dependencies.map((dependency) => ended.get(dependency));
  if (before.some((state) => state === "failed" || state === "cut")) return "cut";
  if (before.some((state) => state === undefined)) return "waits";
  return node.conditional === true || before.every((state) => state === "done") ? "runs" : "skipped or cut";
}
