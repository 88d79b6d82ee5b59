// Every example spec through the real command, one after the other in one state folder, with the figures printed.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { KamachiqEvent } from "../../src/domain/events.ts";
import { Kamachiq, parseRun, ROOT } from "../support/kamachiq.ts";

const EXAMPLES = readdirSync(join(ROOT, "examples")).filter((name) => name.endsWith(".yaml"));
const KILLED_MIN = 0.8;

const kamachiq = await Kamachiq.create();
afterAll(() => kamachiq.dispose());

describe("kamachiq run", () => {
  it.each(EXAMPLES)("delivers %s", { timeout: 600_000 }, async (name) => {
    const began = Date.now();
    const outcome = await kamachiq.run(["run", `examples/${name}`, "--json"]);
    const seconds = ((Date.now() - began) / 1000).toFixed(1);
    const { events, result } = parseRun(outcome.stdout);
    const { killed, mutants } = negativeControl(events);
    const score = result?.quality_score ?? 0;
    process.stdout.write(`${name}: score ${score.toFixed(2)}, ${seconds} s, ${killed} of ${mutants} mutants killed\n`);
    expect(outcome.code, `${result?.reason}\n${outcome.stderr}`).toBe(0);
    expect(result?.state).toBe("delivered");
    expect(score).toBeGreaterThan(0.8);
    expect(killed / mutants).toBeGreaterThanOrEqual(KILLED_MIN);
  });
});

/** What the review of the merged whole found when it broke the program. */
function negativeControl(events: KamachiqEvent[]): { killed: number; mutants: number } {
  const whole = events.findLast(({ type, data }) => type === "kamachiq.review.scored" && data["scope"] === "project");
  const checks = (whole?.data["checks"] ?? []) as { check: string; counts: Record<string, number> }[];
  const counts = checks.find(({ check }) => check === "mutants")?.counts;
  return { killed: counts?.["killed"] ?? 0, mutants: counts?.["mutants"] ?? 0 };
}
