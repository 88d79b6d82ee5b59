import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Schedule, type ScheduleNode } from "./schedule.ts";

/** Random valid graphs: each node depends on some of the nodes before it. */
const graphs = fc
  .array(fc.record({ weight: fc.integer({ min: 0, max: 9 }), picks: fc.array(fc.nat(), { maxLength: 3 }) }), {
    maxLength: 30,
  })
  .map((rows): ScheduleNode[] =>
    rows.map(({ weight, picks }, index) => ({
      id: `n${index}`,
      weight,
      dependencies: index === 0 ? [] : [...new Set(picks.map((pick) => `n${pick % index}`))],
    })),
  );

describe("Schedule", () => {
  it("starts the longest remaining path first", () => {
    const schedule = new Schedule([
      { id: "short", dependencies: [], weight: 5 },
      { id: "head", dependencies: [], weight: 1 },
      { id: "tail", dependencies: ["head"], weight: 9 },
    ]);
    expect([schedule.next(), schedule.next(), schedule.next()]).toEqual(["head", "short", undefined]);
    schedule.complete("head", true);
    expect(schedule.next()).toBe("tail");
  });

  it("names all that a failure takes with it, once", () => {
    const schedule = new Schedule([
      { id: "a", dependencies: [], weight: 1 },
      { id: "b", dependencies: ["a"], weight: 1 },
      { id: "c", dependencies: ["a", "b"], weight: 1 },
      { id: "d", dependencies: [], weight: 1 },
    ]);
    schedule.next();
    expect(schedule.complete("a", false)).toEqual(["b", "c"]);
    expect(schedule.next()).toBe("d");
    schedule.complete("d", true);
    expect(schedule.done).toBe(true);
  });

  it("runs or skips every node exactly once, dependencies first, whatever fails", () => {
    fc.assert(
      fc.property(graphs, fc.infiniteStream(fc.boolean()), fc.infiniteStream(fc.nat()), (nodes, outcomes, picks) => {
        const schedule = new Schedule(nodes);
        const ended = new Map<string, "done" | "failed" | "skipped">();
        const running: string[] = [];
        while (!schedule.done) {
          for (let id = schedule.next(); id !== undefined; id = schedule.next()) {
            const node = nodes.find((candidate) => candidate.id === id);
            expect(node?.dependencies.every((dependency) => ended.get(dependency) === "done")).toBe(true);
            running.push(id);
          }
          expect(running.length).toBeGreaterThan(0);
          const [id] = running.splice((picks.next().value as number) % running.length, 1) as [string];
          const succeeded = outcomes.next().value as boolean;
          expect(ended.has(id)).toBe(false);
          ended.set(id, succeeded ? "done" : "failed");
          for (const skipped of schedule.complete(id, succeeded)) {
            expect(ended.has(skipped)).toBe(false);
            ended.set(skipped, "skipped");
          }
        }
        expect(ended.size).toBe(nodes.length);
      }),
    );
  });
});
