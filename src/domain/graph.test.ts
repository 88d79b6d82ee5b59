import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type GraphCatalogue, validateGraph } from "./graph.ts";
import { claimsOverlap } from "./paths.ts";
import type { TaskGraph, TaskNode } from "./plan.ts";

function task(id: string, dependencies: string[] = [], more: Partial<TaskNode> = {}): TaskNode {
  const success_criteria = [{ id: "done", text: "It is done" }];
  const fixed = { type: "code", description: id, persona: "developer", inputs: {}, tools: [], checks: [] } as const;
  return {
    ...fixed,
    tools: [],
    checks: [],
    id,
    dependencies,
    success_criteria,
    estimated_tokens: 10,
    estimated_seconds: 1,
    paths: [`${id}.py`],
    ...more,
  };
}

function check(nodes: TaskNode[], budget_total = 1_000_000, catalogue: GraphCatalogue = {}) {
  const graph: TaskGraph = { nodes, budget_total, timeout_minutes: 1, quality_threshold: 0.8 };
  return validateGraph(graph, catalogue);
}

describe("validateGraph", () => {
  it("orders tasks in waves and finds the critical path", () => {
    const nodes = [
      task("d", ["b", "c"], { estimated_seconds: 2 }),
      task("a"),
      task("b", ["a"], { estimated_seconds: 5 }),
      task("c", ["a"], { estimated_seconds: 3 }),
    ];
    expect(check(nodes)).toEqual({
      problems: [],
      order: ["a", "b", "c", "d"],
      waves: [["a"], ["b", "c"], ["d"]],
      widest_wave: 2,
      critical_path: ["a", "b", "d"],
      critical_path_seconds: 8,
      estimated_tokens: 40,
    });
  });

  it.each<[string, TaskNode[], RegExp]>([
    ["a self edge", [task("a", ["a"])], /"a" depends on itself; remove/],
    ["duplicates", [task("a"), task("a")], /"a" is there twice/],
    ["a dependency named twice", [task("a"), task("b", ["a", "a"])], /"b" names the dependency "a" twice/],
    ["unknown dependencies", [task("models"), task("b", ["model"])], /"b" depends on "model".*did you mean "models"\?/],
    ["a wrong id", [task("../a")], /"\.\.\/a": the id must be/],
    ["an id with a line break", [task("a\nb")], /"a\\nb": the id must be/],
    ["no criterion", [task("a", [], { success_criteria: [] })], /"a" has no success criterion/],
    ["orphans", [task("a"), task("b", [], { paths: [] })], /"b": nothing needs it and it owns no path/],
    [
      "one path for two tasks",
      [task("a"), task("b", [], { paths: ["a.py"] })],
      /"a" and "b" may run at once and claim "a.py"/,
    ],
    [
      "overlapping wildcards",
      [task("a", [], { paths: ["src/**"] }), task("b", [], { paths: ["src/x/*.py"] })],
      /"src\/\*\*" and "src\/x\/\*\.py", which overlap/,
    ],
  ])("refuses %s", (_, nodes, expected) => {
    expect(check(nodes).problems.join("\n")).toMatch(expected);
  });

  it("prints the whole cycle in the order of running, once", () => {
    const { problems } = check([task("a", ["c"]), task("b", ["a"]), task("c", ["b"]), task("after", ["c"])]);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/(a → b → c → a|b → c → a → b|c → a → b → c) wait for each other/);
  });

  it("names both numbers when the estimates exceed the budget", () => {
    expect(check([task("a"), task("b")], 19).problems[0]).toMatch(/sum to 20 tokens, and the budget is 19/);
    expect(check([task("a"), task("b")], 20).problems).toEqual([]);
  });

  it("checks personas, tools and limits against the catalogue", () => {
    const catalogue = { personas: new Set(["qa"]), tools: new Set(["git"]) };
    expect(check([task("a")], 100, catalogue).problems[0]).toMatch(
      /persona "developer", which does not exist; there are: qa/,
    );
    const withTool = task("a", [], { persona: "qa", tools: ["git", "browser"] });
    expect(check([withTool], 100, catalogue).problems[0]).toMatch(/tool "browser"/);
    expect(check([task("a"), task("b")], 100, { limits: { nodes_max: 1, edges_max: 1 } }).problems[0]).toMatch(
      /2 tasks/,
    );
  });

  it("lets tasks in sequence and disjoint wildcards share a folder", () => {
    const nodes = [
      task("a", [], { paths: ["docs/**"] }),
      task("b", ["a"]),
      task("c", ["b"], { paths: ["docs/x.md"] }),
      task("d", [], { paths: ["src/*.ts"] }),
      task("e", [], { paths: ["src/*.md"] }),
    ];
    expect(check(nodes).problems).toEqual([]);
  });

  it("bounds the report of a graph that is wrong everywhere", () => {
    const { problems } = check(Array.from({ length: 1_000 }, (_, index) => task(`t${index}`, ["nowhere"])));
    expect(problems).toHaveLength(21);
  });
});

const ids = ["a", "b", "c", "d", "e", "f", "g"];
const anyGraph = fc.array(
  fc.record({
    dependencies: fc.uniqueArray(fc.constantFrom(...ids), { maxLength: 4 }),
    seconds: fc.nat(9),
    paths: fc.uniqueArray(fc.constantFrom("x", "x/1", "x/2", "x-1", "x/*", "?/1", "x/**", "y", "**"), {
      minLength: 1,
      maxLength: 2,
    }),
  }),
  { minLength: ids.length, maxLength: ids.length },
);

describe("validateGraph beside a naive reference", () => {
  it("agrees on cycles, waves, critical path and ownership", () => {
    fc.assert(
      fc.property(anyGraph, (rows) => {
        const nodes = rows.map(({ dependencies, seconds, paths }, index) => {
          const id = ids[index] as string;
          return task(
            id,
            dependencies.filter((dependency) => dependency !== id),
            { estimated_seconds: seconds, paths },
          );
        });
        const before = closure(nodes);
        const cyclic = ids.filter((id) => before(id, id));
        const result = check(nodes);
        const printed = result.problems.filter((problem) => problem.includes("wait for each other"));
        expect(printed.length > 0).toBe(cyclic.length > 0);
        for (const line of printed) {
          const cycle = line.replace(/^The tasks | wait for.*$/g, "").split(" → ");
          for (const [at, id] of cycle.slice(1).entries()) expect(nodeOf(nodes, id).dependencies).toContain(cycle[at]);
        }
        if (cyclic.length > 0) return;
        expect(result.waves.map((wave) => [...wave].sort())).toEqual(naiveWaves(nodes));
        expect(result.critical_path_seconds).toBe(Math.max(...ids.map((id) => longest(nodes, id))));
        const sum = result.critical_path.reduce((total, id) => total + nodeOf(nodes, id).estimated_seconds, 0);
        expect(sum).toBe(result.critical_path_seconds);
        const clash = nodes.some((x) =>
          nodes.some(
            (y) =>
              x.id < y.id &&
              !before(x.id, y.id) &&
              !before(y.id, x.id) &&
              x.paths.some((p) => y.paths.some((q) => claimsOverlap(p, q))),
          ),
        );
        expect(result.problems.some((problem) => problem.includes("may run at once"))).toBe(clash);
      }),
      { numRuns: 500 },
    );
  });
});

const nodeOf = (nodes: TaskNode[], id: string): TaskNode => nodes.find((node) => node.id === id) as TaskNode;

/** Warshall's closure: whether there is a path of at least one edge. */
function closure(nodes: TaskNode[]): (from: string, to: string) => boolean {
  const pairs = new Set(nodes.flatMap((node) => node.dependencies.map((dependency) => `${dependency}${node.id}`)));
  for (const k of ids)
    for (const i of ids) for (const j of ids) if (pairs.has(i + k) && pairs.has(k + j)) pairs.add(i + j);
  return (from, to) => pairs.has(from + to);
}

function depth(nodes: TaskNode[], id: string): number {
  return Math.max(0, ...nodeOf(nodes, id).dependencies.map((dependency) => 1 + depth(nodes, dependency)));
}

function longest(nodes: TaskNode[], id: string): number {
  const node = nodeOf(nodes, id);
  return node.estimated_seconds + Math.max(0, ...node.dependencies.map((dependency) => longest(nodes, dependency)));
}

function naiveWaves(nodes: TaskNode[]): string[][] {
  const waves: string[][] = [];
  for (const id of ids) (waves[depth(nodes, id)] ??= []).push(id);
  return waves;
}

describe("validateGraph on large graphs", () => {
  const layered = (size: number): TaskNode[] =>
    Array.from({ length: size }, (_, index) => {
      const dependencies =
        index < 5 ? [] : [1, 2, 3, 4, 5].map((back) => `t${index - back * Math.min(7, Math.floor(index / 5))}`);
      return task(`t${index}`, [...new Set(dependencies)], { paths: [`src/m${index % 97}/f${index}.py`] });
    });
  const chain = (size: number): TaskNode[] =>
    Array.from({ length: size }, (_, index) =>
      task(`t${index}`, index === 0 ? [] : [`t${index - 1}`], { paths: ["one.py"] }),
    );
  const skipping = (size: number): TaskNode[] =>
    Array.from({ length: size }, (_, index) =>
      task(`t${index}`, index === 0 ? [] : [`t${index - 1}`], { paths: index % 2 === 0 ? ["even.py"] : ["odd.py"] }),
    );
  const fan = (size: number): TaskNode[] =>
    Array.from({ length: size }, (_, index) => task(`t${index}`, index === 0 || index === size - 1 ? [] : ["t0"]));

  it.each([
    ["layered", layered],
    ["chain of one file", chain],
    ["chain of two files", skipping],
    ["fan", fan],
  ])("takes 10,000 tasks as a %s in under 150 ms", (_, make) => {
    check(make(1_000));
    const nodes = make(10_000);
    const times = [1, 2, 3, 4, 5].map(() => {
      const started = process.cpuUsage(); // not the clock: other tests run beside
      expect(check(nodes).problems).toEqual([]);
      const { user, system } = process.cpuUsage(started);
      return (user + system) / 1_000;
    });
    expect(Math.min(...times)).toBeLessThan(150);
  });
});
