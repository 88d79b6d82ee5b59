import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type GraphCatalogue, orderOwners, validateGraph } from "./graph.ts";
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
  const graph: TaskGraph = { nodes, budget_total, timeout_minutes: 1, quality_threshold: 0.8, ownership: "error" };
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
      added: [],
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
    ["a capsule that names none", [task("a", [], { type: "capsule" })], /"a" is a capsule, and names none/],
    ["a capsule on another task", [task("a", [], { capsule: "x" })], /"a" names a capsule, but is of type code/],
    ["a condition that is not CEL", [task("a", [], { when: "tasks[" })], /"a": its condition is not CEL: /],
    ["a condition that calls", [task("a", [], { when: "size(tasks) > 1" })], /"a": its condition has "call"/],
    ["a condition with another name", [task("a", [], { when: "other == 1" })], /"a": its condition has "other"/],
    [
      "a condition with an unknown field",
      [task("a"), task("b", ["a"], { when: 'tasks["a"].grade > 0.5' })],
      /"b": its condition is not right: No such key: grade/,
    ],
    ["a condition that is no question", [task("a"), task("b", ["a"], { when: "tasks.a.score" })], /gives double/],
    [
      "a condition on an unknown task",
      [task("a"), task("b", ["a"], { when: "tasks.c.score > 0.5" })],
      /"b": its condition names "c", which is not in the graph/,
    ],
    [
      "a condition on a task that may run later",
      [task("a"), task("c"), task("b", ["a"], { when: "tasks.c.score > 0.5" })],
      /"b": its condition asks "c", which need not have ended; make it a dependency/,
    ],
    [
      "a branch that no score reaches",
      [task("a"), task("b", ["a"], { when: "tasks.a.score > 1" })],
      /"b" can never run: no outcome lets it; mend/,
    ],
    [
      "a join of branches that exclude each other",
      [
        task("a"),
        task("b", ["a"], { when: "tasks.a.score > 0.9" }),
        task("c", ["a"], { when: "tasks.a.score <= 0.9" }),
        task("d", ["b", "c"]),
        task("e", ["d"]),
      ],
      /"d" can never run: no outcome lets it, with what decides on "b", "c"/,
    ],
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

describe("conditions", () => {
  it.each([
    ["a join of two branches that says so", 'tasks.b.state == "done" || tasks.c.state == "done"'],
    ["numbers between", "tasks.a.score > 0.31 && tasks.a.score < 0.32"],
    ["a list", "tasks.a.attempts in [2, 3]"],
    ["what can't be told", "tasks.a.score > tasks.b.score"],
    ["a choice", "tasks.a.tokens > 500 ? tasks.b.state == 'done' : tasks.c.state == 'skipped'"],
  ])("may be %s", (_, when) => {
    const nodes = [
      task("a"),
      task("b", ["a"], { when: "tasks.a.score > 0.9" }),
      task("c", ["a"], { when: "tasks.a.score <= 0.9" }),
      task("d", ["b", "c"], { when }),
    ];
    expect(check(nodes).problems).toEqual([]);
  });

  it("take linear time over long chains and many branches", () => {
    const chain = Array.from({ length: 5_000 }, (_, n) => task(`t${n}`, n === 0 ? [] : [`t${n - 1}`]));
    const branches = Array.from({ length: 5_000 }, (_, n) => {
      return task(`b${n}`, [`t${n}`], { when: `tasks.t${n}.score > 0.5` });
    });
    expect(check([...chain, ...branches]).problems).toEqual([]);
  });
});

describe("owners of the same paths", () => {
  it("are put in order where the graph says so", () => {
    const nodes = [
      task("a", [], { paths: ["src/a.py"] }),
      task("b", [], { paths: ["src/*.py"] }),
      task("c", ["a"], { paths: ["docs/c.md"] }),
      task("d", [], { paths: ["docs/c.md"] }),
    ];
    const graph: TaskGraph = {
      nodes,
      budget_total: 100,
      timeout_minutes: 1,
      quality_threshold: 0.8,
      ownership: "order",
    };
    const report = validateGraph(graph);
    expect(report.problems).toEqual([]);
    expect(report.added).toEqual([
      { task: "c", dependency: "d" },
      { task: "b", dependency: "a" },
    ]);
    expect(report.waves).toEqual([
      ["a", "d"],
      ["b", "c"],
    ]);
    expect(validateGraph(orderOwners(graph).graph)).toEqual({ ...report, added: [] });
  });
});

describe("nested capsules", () => {
  const capsules = new Map([
    ["outer", new Set(["inner"])],
    ["inner", new Set<string>()],
  ]);
  const nested = (capsule: string) => [task("a", [], { type: "capsule", capsule })];

  it("must exist and never contain themselves", () => {
    expect(check(nested("inner"), 100, { capsules, within: "outer" }).problems).toEqual([]);
    expect(check(nested("other"), 100, { capsules }).problems).toEqual([
      'Task "a" wants the capsule "other", which does not exist; there are: outer, inner.',
    ]);
    expect(check(nested("outer"), 100, { capsules, within: "inner" }).problems).toEqual([
      'Task "a" makes the capsule "inner" part of itself, by way of "outer"; a capsule can\'t contain itself.',
    ]);
  });
});
