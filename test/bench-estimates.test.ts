// The bench of the estimates measures and says what it must, in its short form; its full form is for people with some minutes.
import { spawn } from "node:child_process";
import { describe, expect, it } from "vitest";
import { errorDistribution } from "../bench/estimates-error.ts";
import { collect, ROOT } from "./support/kamachiq.ts";

describe("bench:estimates", () => {
  it("learns from real runs, and the template agent's tokens are estimated to 20 % on another spec", async () => {
    const stdio: ["ignore", "pipe", "pipe"] = ["ignore", "pipe", "pipe"];
    const child = spawn(process.execPath, ["bench/estimates.ts", "--short"], { cwd: ROOT, stdio });
    const { code, stdout, stderr } = await collect(child);
    expect(code, stderr).toBe(0);
    const last = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as {
      bench: string;
      figures: Record<string, number>;
    };
    expect(last).toMatchObject({
      bench: "estimates",
      figures: { specs_fitted: 1, specs_held_out: 1, tasks_held_out: 10 },
    });
    const { mean_abs_error_share, seconds_mean_abs_error_share } = last.figures;
    expect(mean_abs_error_share).toBeLessThanOrEqual(0.2);
    expect(seconds_mean_abs_error_share).toBeGreaterThan(0);
    expect(stdout).toMatch(/\ntemplate: tokens a task +10 /);
  });
});

describe("errorDistribution", () => {
  const pair = (likely: number, actual: number) => ({ low: likely - 10, likely, high: likely + 10, actual });

  it("is of shares of what happened", () => {
    const errors = [pair(100, 100), pair(110, 100), pair(80, 100), pair(300, 200)];
    const { mean, ...rest } = errorDistribution(errors);
    expect(mean).toBeCloseTo(0.2);
    expect(rest).toEqual({ count: 4, p50: 0.1, p90: 0.5, largest: 0.5, within: 0.5 });
  });

  it("is refused where nothing was compared", () => {
    expect(() => errorDistribution([])).toThrow("nothing to compare");
    expect(() => errorDistribution([pair(1, 0)])).toThrow("nothing to compare");
  });
});
