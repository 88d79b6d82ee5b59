import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { BudgetError } from "../domain/errors.ts";
import { validateGraph } from "../domain/graph.ts";
import { ProjectSpec } from "../domain/intake.ts";
import type { AgentTask } from "../ports/coding-agent.ts";
import { createTemplateAgent } from "./agent-template.ts";
import { loadCapsuleLibrary } from "./capsule-library.ts";
import { createCapsulePlanner } from "./planner-capsule.ts";

const CAPSULES = fileURLToPath(new URL("../../services/task-capsule-repo/app/capsules", import.meta.url));
const library = await loadCapsuleLibrary(CAPSULES);
const capsule = await library.get("python_cli");
const spec = ProjectSpec.parse({
  name: "calculator",
  goals: ["Create Python CLI calculator"],
  budget: { tokens: 100_000 },
});
const plan = await createCapsulePlanner(library).plan(spec);
const graph = plan.graphs["calculator"];
const agent = createTemplateAgent();

let workspace: string;
beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), "agent-"));
});
afterEach(() => rmSync(workspace, { recursive: true, force: true }));

function request(id: string, more: Partial<AgentTask> = {}): AgentTask {
  const task = graph?.nodes.find((node) => node.id === id);
  const parameters = plan.deliverables[0]?.parameters;
  if (task === undefined || parameters === undefined) throw new Error(id);
  const fixed = {
    attempt: 1,
    feedback: [],
    budget_tokens: 100_000,
    signal: new AbortController().signal,
    progress: () => {},
  };
  return { task, spec, capsule, parameters, workspace, ...fixed, ...more };
}

describe("createTemplateAgent", () => {
  it("does a whole plan, each task within 20 % of its estimate", async () => {
    if (graph === undefined) throw new Error("no graph");
    for (const id of validateGraph(graph).order) {
      const one = request(id);
      const { usage, files } = await agent.run(one);
      const tokens = usage.input_tokens + usage.output_tokens;
      expect(Math.abs(one.task.estimated_tokens - tokens) / tokens).toBeLessThan(0.2);
      expect(usage).toMatchObject({ source: "tokenizer", usd: 0 });
      expect([...files].toSorted()).toEqual([...one.task.paths].toSorted());
    }
    expect(readFileSync(join(workspace, "src/calculator/cli.py"), "utf8")).toMatch(/^"""The command line/);
  });

  it("stops before a write that the budget does not cover", async () => {
    const steps: number[] = [];
    const { usage } = await agent.run(request("package"));
    rmSync(join(workspace, "pyproject.toml"));
    const budget_tokens = usage.input_tokens + 10;
    const run = agent.run(request("package", { budget_tokens, progress: ({ tokens }) => steps.push(tokens) }));
    await expect(run).rejects.toThrow(BudgetError);
    expect(existsSync(join(workspace, "pyproject.toml"))).toBe(false);
    expect(Math.max(...steps)).toBeLessThanOrEqual(budget_tokens);
  });

  it("stops when it is cancelled", async () => {
    await expect(agent.run(request("package", { signal: AbortSignal.abort() }))).rejects.toThrow(/aborted/);
  });

  it("writes nothing outside the workspace through links", async () => {
    const outside = mkdtempSync(join(tmpdir(), "outside-"));
    symlinkSync(outside, join(workspace, "src"));
    await expect(agent.run(request("package"))).rejects.toThrow(/leaves the workspace/);
    expect(existsSync(join(outside, "calculator"))).toBe(false);
    rmSync(join(workspace, "src"));
    writeFileSync(join(outside, "target"), "untouched");
    rmSync(join(workspace, "pyproject.toml"), { force: true });
    symlinkSync(join(outside, "target"), join(workspace, "pyproject.toml"));
    await expect(agent.run(request("package"))).rejects.toThrow(/leaves the workspace/);
    expect(readFileSync(join(outside, "target"), "utf8")).toBe("untouched");
    rmSync(outside, { recursive: true });
  });

  it("reads nothing outside the workspace through links", async () => {
    await agent.run(request("package"));
    rmSync(join(workspace, "pyproject.toml"));
    symlinkSync("/etc/hostname", join(workspace, "pyproject.toml"));
    await expect(agent.run(request("numbers"))).rejects.toThrow(/leaves the workspace/);
  });

  it("writes only what the task owns", async () => {
    const one = request("package");
    const run = agent.run({ ...one, task: { ...one.task, paths: ["docs/**"] } });
    await expect(run).rejects.toThrow(/may not write pyproject\.toml/);
    expect(existsSync(join(workspace, "pyproject.toml"))).toBe(false);
  });

  it("says what is missing, and pretends nothing", async () => {
    await expect(agent.run(request("numbers"))).rejects.toThrow(/reads pyproject\.toml, which is not in its workspace/);
    const bare = {
      ...capsule,
      capsule: { ...capsule.capsule, tasks: capsule.capsule.tasks.map((task) => ({ ...task, files: [] })) },
    };
    await expect(agent.run(request("package", { capsule: bare }))).rejects.toThrow(/has no template for task package/);
  });

  it("replaces a hard link instead of writing through it", async () => {
    mkdirSync(join(workspace, "src/calculator"), { recursive: true });
    const { linkSync } = await import("node:fs");
    const victim = join(mkdtempSync(join(tmpdir(), "victim-")), "file");
    writeFileSync(victim, "untouched");
    linkSync(victim, join(workspace, "src/calculator/__init__.py"));
    await agent.run(request("package"));
    expect(readFileSync(victim, "utf8")).toBe("untouched");
  });
});
