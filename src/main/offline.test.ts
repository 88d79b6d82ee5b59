import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { runCli } from "../cli/main.ts";
import { offline } from "./offline.ts";
import { CAPSULES } from "./paths.ts";

const folder = await mkdtemp(join(tmpdir(), "kamachiq-offline-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

const home = join(folder, "home");
await mkdir(home);

const unused = (): Promise<never> => Promise.reject(new Error("the machine was touched"));

/** The command line with the product's own files, and nothing else to reach. */
async function kamachiq(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const out = { stdout: "", stderr: "" };
  const code = await runCli(argv, {
    version: "1.2.3",
    stdout: { write: (text) => (out.stdout += text) },
    stderr: { write: (text) => (out.stderr += text) },
    env: {},
    installation: {
      home: async () => home,
      serverInfo: unused,
      ensureComponents: unused,
      token: unused,
      diagnose: unused,
    },
    offline,
    entries: { server: "server.ts", worker: "worker.ts" },
    interrupt: new AbortController().signal,
  });
  return { code, ...out };
}

describe("kamachiq graph validate", () => {
  const node = (id: string, dependencies: string[] = [], more: object = {}) => ({
    id,
    type: "code",
    description: id,
    dependencies,
    estimated_tokens: 10,
    persona: "developer_backend.v2",
    tools: ["git"],
    success_criteria: [{ id: "done", text: "Done" }],
    paths: [`${id}.py`],
    ...more,
  });
  const graph = (...nodes: object[]) => ({ nodes, budget_total: 1_000, timeout_minutes: 1, quality_threshold: 0.8 });

  async function validate(document: object | string, ...options: string[]) {
    const file = join(folder, "graph.json");
    await writeFile(file, typeof document === "string" ? document : JSON.stringify(document));
    return kamachiq("graph", "validate", file, ...options);
  }

  it("says how a valid graph looks, without a server", async () => {
    const { code, stdout, stderr } = await validate(graph(node("a"), node("b", ["a"]), node("c", ["a"])));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("valid, 3 tasks in 2 waves, at most 2 at once\n");
    expect(stdout).toContain("critical path, about 2 s: a → b\n");
  });

  it("names every problem and exits with 2, in text and as JSON", async () => {
    const wrong = graph(
      node("a", ["b"]),
      node("b", ["a"]),
      node("c", [], { persona: "nobody", tools: ["time_machine"] }),
    );
    const text = await validate(wrong);
    expect(text.code).toBe(2);
    expect(text.stderr).toContain("The tasks b → a → b wait for each other");
    expect(text.stderr).toContain('Task "c" wants the persona "nobody", which does not exist; there are: ');
    const json = await validate(wrong, "--json");
    expect(json.code).toBe(2);
    expect(JSON.parse(json.stdout)).toMatchObject({ kind: "task_graph", valid: false, problems: { length: 2 } });
  });

  it("obeys the limits that the home configures", async () => {
    const config = join(home, "config.yaml");
    await writeFile(config, "limits: { graph_nodes: 2 }\n");
    const { code, stderr } = await validate(graph(node("a"), node("b", ["a"]), node("c", ["a"])));
    await rm(config);
    expect(code).toBe(2);
    expect(stderr).toContain("The graph has 3 tasks, more than 2; split it, or raise limits.graph_nodes.");
  });

  it("reads planner output as the blueprint prints it", async () => {
    const api = { id: "api-svc", persona: "developer_backend.v2", tools: ["github", "plane"], budget_tokens: 25_000 };
    const good = await validate({
      deliverables: [
        { ...api, dependencies: [] },
        { ...api, id: "web", dependencies: ["api-svc"] },
      ],
    });
    expect(good.stderr).toBe("");
    expect(good.stdout).toContain(
      "valid, 2 deliverables in 2 waves, at most 1 at once\n  critical path: api-svc → web\n",
    );
    const wrong = await validate({ deliverables: [{ ...api, capsule: "cobol_cli", schedule: "daily" }] });
    expect(wrong.stderr).toContain('Deliverable "api-svc" wants the capsule "cobol_cli", which does not exist');
    expect(wrong.stderr).toContain('Deliverable "api-svc": its schedule "daily" has not five fields');
    expect(wrong.code).toBe(2);
  });

  it.each([
    ["an empty file", "", /graph\.json:1: the file is empty/],
    ["another document", "{}", /has neither "nodes" \(a task graph\), nor "deliverables"/],
    ["an unknown field, with its line", "nodes: []\nbudget: 5\n", /graph\.json:2: budget: unknown field/],
    ["broken JSON", '{"nodes": [', /graph\.json:1: not valid YAML/],
    ["deep nesting", `{"nodes":${"[".repeat(50)}${"]".repeat(50)}}`, /nested too deep/],
    ["a prototype key", '{"nodes": [], "__proto__": {"x": 1}}', /__proto__/],
  ])("refuses %s", async (_, text, message) => {
    const { code, stderr } = await validate(text);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });

  it("takes 10,000 tasks with 5 dependencies each", async () => {
    const nodes = Array.from({ length: 10_000 }, (_, n) => {
      return node(
        `t${n}`,
        Array.from({ length: Math.min(n, 5) }, (__, back) => `t${n - back - 1}`),
      );
    });
    const { code, stdout } = await validate({ ...graph(...nodes), budget_total: 1_000_000 });
    expect(code, stdout).toBe(0);
    expect(stdout).toContain("valid, 10,000 tasks in 10,000 waves");
  });
});

describe("kamachiq graph import", () => {
  it("makes a valid task graph of spec-kit's tasks, and says what it decided", async () => {
    const tasks = new URL("../../test/fixtures/speckit-tasks.md", import.meta.url).pathname;
    const out = join(folder, "imported.json");
    const { code, stdout, stderr } = await kamachiq("graph", "import", tasks, "--out", out);
    expect({ code, stdout }, stderr).toEqual({ code: 0, stdout: "" });
    const validated = await kamachiq("graph", "validate", out, "--json");
    expect(JSON.parse(validated.stdout)).toMatchObject({ kind: "task_graph", valid: true });
    const poor = await kamachiq("graph", "import", tasks, "--budget", "10");
    await writeFile(out, poor.stdout);
    expect((await kamachiq("graph", "validate", out)).stderr).toContain("and the budget is 10; raise the budget");
  });

  it("makes our planner output of the blueprint's", async () => {
    const file = join(folder, "blueprint.json");
    const api = { id: "api-svc", persona: "developer_backend.v2", tools: ["github"], budget_tokens: 25_000 };
    const provisioning = { repositories: ["api"], boards: [], environments: [] };
    await writeFile(file, JSON.stringify({ deliverables: [{ ...api, dependencies: [] }], provisioning }));
    const { code, stdout, stderr } = await kamachiq("graph", "import", file);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ deliverables: [{ id: "api-svc" }], provisioning: { repository: true } });
  });

  it("names the line that is wrong", async () => {
    const file = join(folder, "tasks.md");
    await writeFile(file, "# Tasks\n\n## Phase 1: Setup\n\n- [ ] T001 Make a\n- [ ] T001 Make b\n");
    const { code, stderr } = await kamachiq("graph", "import", file);
    expect(code).toBe(2);
    expect(stderr).toMatch(/tasks\.md:6: /);
  });
});

describe("capsule validate, offline", () => {
  it("finds nothing in the capsules that come with the product", { timeout: 30_000 }, async () => {
    const files = (await readdir(CAPSULES)).filter((name) => name.endsWith(".yaml"));
    expect(files.length).toBeGreaterThan(2);
    for (const file of files) {
      const { code, stdout } = await kamachiq("capsule", "validate", join(CAPSULES, file), "--json");
      expect([file, code, (JSON.parse(stdout) as { problems: string[] }).problems]).toEqual([file, 0, []]);
    }
  });
});
