// The README's main command, end to end: a spec goes in, a delivered repository comes out. Nothing is stood in for.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { STAGES } from "../src/domain/intake.ts";
import { Kamachiq, type Outcome, parseRun, ROOT } from "./support/kamachiq.ts";

const kamachiq = await Kamachiq.create();
let outcome: Outcome;
let run: ReturnType<typeof parseRun>;

beforeAll(async () => {
  outcome = await kamachiq.run(["run", "examples/simple_cli.yaml", "--json"]);
  run = parseRun(outcome.stdout);
});
afterAll(() => kamachiq.dispose());

const git = (args: string[]): string => execFileSync("git", args, { encoding: "utf8" }).trim();

describe("kamachiq run examples/simple_cli.yaml", () => {
  it("delivers", () => {
    expect(outcome.stderr + (run.result?.reason ?? "")).not.toContain("error");
    expect(outcome.code).toBe(0);
    expect(run.result?.state).toBe("delivered");
    expect(run.result?.quality_score).toBeGreaterThan(0.8);
  });

  it("passes through the eight stages in order, and numbers its events without gaps", () => {
    const stages = run.events.flatMap(({ type }) => {
      const [, stage, verb] = type.split(".");
      return verb === "started" || type === "kamachiq.intake.accepted" ? [stage] : [];
    });
    expect([...new Set(stages)]).toEqual([...STAGES]);
    expect(run.events.map((event) => event.sequence)).toEqual(run.events.map((_, index) => index + 1));
  });

  it("plans at least five tasks and runs at least two of them at once", () => {
    const started = run.events.filter(({ type }) => type === "kamachiq.execute.task_started");
    expect(new Set(started.map(({ data }) => data["type"]))).toEqual(new Set(["code", "test", "docs", "review"]));
    expect(started.length).toBeGreaterThanOrEqual(5);
    const spans = started.map(({ data, time }) => {
      const end = run.events.find(
        (e) => e.type === "kamachiq.execute.task_completed" && e.data["task_id"] === data["task_id"],
      );
      return [Date.parse(time), Date.parse(end?.time ?? "")] as const;
    });
    const overlapping = spans.filter(([from], i) => spans.some(([a, b], j) => i !== j && a <= from && from < b));
    expect(overlapping.length).toBeGreaterThan(0);
  });

  it("asks policy before it provisions, spawns or releases", () => {
    const decided = (id: unknown) =>
      run.events.find(({ type, data }) => {
        return type === "kamachiq.policy.decided" && (data["decision"] as { decision_id: string }).decision_id === id;
      })?.sequence ?? Number.POSITIVE_INFINITY;
    for (const event of run.events.filter(({ data }) => typeof data["decision_id"] === "string")) {
      expect(decided(event.data["decision_id"])).toBeLessThan(event.sequence);
    }
    const provisioned = run.events.find(({ type }) => type === "kamachiq.provision.completed");
    const first = run.events.find(({ type }) => type === "kamachiq.policy.decided");
    expect(first?.sequence).toBeLessThan(provisioned?.sequence ?? 0);
  });

  it("hands over a repository that works in a clean clone", () => {
    const clone = join(kamachiq.folder, "clone");
    git(["clone", "--quiet", run.result?.repository ?? "", clone]);
    expect(git(["-C", clone, "tag"])).toBe(run.result?.tag);
    for (const file of ["pyproject.toml", "README.md", ".devcontainer/devcontainer.json", ".github/workflows/ci.yml"]) {
      expect(existsSync(join(clone, file)), file).toBe(true);
    }
    const calc = (...args: string[]) => {
      return execFileSync("python3", ["-m", "calculator", ...args], {
        cwd: join(clone, "src"),
        encoding: "utf8",
      }).trim();
    };
    expect(calc("add", "0.1", "0.2")).toBe("0.3");
    expect(calc("multiply", "-3", "1.5")).toBe("-4.5");
  });

  it("merges every task that changed files exactly once", () => {
    const merges = git([
      "-C",
      run.result?.repository ?? "",
      "log",
      "--format=%(trailers:key=Kamachiq-Merge,valueonly)",
      "main",
    ]);
    const keys = merges.split("\n").filter((line) => line !== "");
    const merged = run.events.filter(({ type }) => type === "kamachiq.execute.task_merged");
    expect(keys.length).toBe(merged.length);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("kills at least 80 % of the mutants of what it delivers", () => {
    const whole = run.events.find(({ type, data }) => type === "kamachiq.review.scored" && data["scope"] === "project");
    const checks = whole?.data["checks"] as { check: string; counts: Record<string, number> }[];
    const counts = checks.find(({ check }) => check === "mutants")?.counts;
    expect((counts?.["killed"] ?? 0) / (counts?.["mutants"] ?? 1)).toBeGreaterThanOrEqual(0.8);
  });

  it("leaves reports whose figures are the log's", () => {
    const folder = run.result?.reports_folder ?? "";
    const read = (name: string): string => readFileSync(join(folder, name), "utf8");
    const completion = JSON.parse(read("completion.json")) as { spend: { total: { tokens: number } } };
    const produced = run.events.filter(({ type }) => type === "kamachiq.execute.task_produced");
    const tokens = produced.reduce((sum, { data }) => {
      const usage = data["usage"] as { input_tokens: number; output_tokens: number };
      return sum + usage.input_tokens + usage.output_tokens;
    }, 0);
    expect(run.result?.metrics.tokens).toBe(tokens);
    expect(JSON.stringify(completion)).toContain(String(tokens));
    for (const name of ["completion.md", "governance.md", "release-notes.md", "governance.json"]) {
      expect(read(name).length, name).toBeGreaterThan(100);
    }
  });

  it("keeps the held-out checks from everything an agent can reach", () => {
    const clone = join(kamachiq.folder, "clone");
    // The product of two large numbers that an acceptance check of the spec expects.
    const held = "121932631137021795226185032733622923332237463801111263526900";
    expect(readFileSync(join(ROOT, "examples/simple_cli.yaml"), "utf8")).toContain(held);
    expect(() => git(["-C", clone, "grep", "-q", held])).toThrow(); // git grep finds nothing
    expect(JSON.stringify(run.events)).not.toContain(held);
  });

  it("leaves no worktree behind", () => {
    expect(git(["-C", run.result?.repository ?? "", "worktree", "list"]).split("\n").length).toBe(1);
  });
});
