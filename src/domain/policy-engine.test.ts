import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InputError } from "./errors.ts";
import { contextFields } from "./policy-context.ts";
import { loadRuleSets, type RuleSetText } from "./policy-engine.ts";
import type { PolicyContext } from "./policy.ts";

const context: PolicyContext = {
  action: "deliverable.provision",
  tenant: "default",
  region: "local",
  actor: "operator",
  sandbox: "bubblewrap",
  project: {
    name: "calculator",
    goals: ["Create Python CLI calculator"],
    constraints: [],
    budget_tokens: 200_000,
    agent: "template",
    quality_threshold: 0.8,
  },
  deliverable: {
    id: "calculator",
    persona: "dev",
    tools: ["git"],
    budget_tokens: 100_000,
    capsule: "python_cli",
    registries: [],
  },
  task: { id: "", type: "", persona: "", tools: [], estimated_tokens: 0 },
  release: { score: 0, verdict: "", approved_by_person: false },
  spent_tokens: 0,
};

interface TestRule {
  id?: string;
  condition: string;
  weight?: number;
  severity?: string;
  actions?: string[];
}

function setOf(rules: TestRule[], settings: object = {}): RuleSetText {
  const full = rules.map((rule, index) => ({
    id: `r${index}`,
    weight: 0.1,
    severity: "warn",
    message: "It is so.",
    remedy: "Change it.",
    ...rule,
  }));
  return { file: "test.yaml", text: JSON.stringify({ id: "test", version: "1.0.0", settings, rules: full }, null, 1) };
}

function problemsOf(...texts: RuleSetText[]): string[] {
  try {
    loadRuleSets(texts);
  } catch (error) {
    if (error instanceof InputError) return error.problems;
    throw error;
  }
  return [];
}

const evaluate = (rules: TestRule[], settings?: object, threshold = 0.8) =>
  loadRuleSets([setOf(rules, settings)]).evaluate(context, { threshold });

describe("evaluation", () => {
  it("subtracts the weights of violated rules and compares with the threshold", () => {
    const result = evaluate([
      { condition: "true", weight: 0.1 },
      { condition: "true", weight: 0.1 },
      { condition: "false" },
    ]);
    expect(result).toMatchObject({ allowed: true, score: 0.8, threshold: 0.8 });
    expect(result.violations.map((violation) => violation.rule)).toEqual(["test/r0", "test/r1"]);
    expect(evaluate([{ condition: "true", weight: 0.3 }])).toMatchObject({ allowed: false, score: 0.7 });
    expect(
      evaluate([
        { condition: "true", weight: 0.7 },
        { condition: "true", weight: 0.7 },
      ]).score,
    ).toBe(0);
  });

  it("denies for a deny rule whatever its weight", () => {
    expect(evaluate([{ condition: "true", weight: 0, severity: "deny" }])).toMatchObject({ allowed: false, score: 1 });
  });

  it("looks only at the rules of the action", () => {
    expect(evaluate([{ condition: "true", actions: ["agent.spawn"] }]).violations).toEqual([]);
  });

  it("fails closed when a rule can't be evaluated", () => {
    const result = evaluate([{ condition: 'settings.limits["nobody"] > 1', severity: "info" }], { limits: { a: 1 } });
    expect(result.allowed).toBe(false);
    expect(result.violations[0]).toMatchObject({
      severity: "deny",
      reason: expect.stringContaining("could not be evaluated"),
    });
  });

  it("compares numbers of settings and context with each other", () => {
    expect(
      evaluate([{ condition: "project.quality_threshold >= settings.least" }], { least: 0.8 }).violations,
    ).toHaveLength(1);
    expect(
      evaluate([{ condition: "project.budget_tokens == settings.tokens" }], { tokens: 200_000 }).violations,
    ).toHaveLength(1);
  });

  it("reads every documented field", () => {
    const rules = Object.entries(contextFields()).map(([field]) => ({ condition: `${field} == ${field}` }));
    expect(evaluate(rules).violations).toHaveLength(rules.length);
  });
});

describe("loading refuses the whole", () => {
  it.each([
    ["project.nope == 1", "No such key: nope"],
    ["nobody == 1", "Unknown variable: nobody"],
    ["settings.nope == 1", "No such key: nope"],
    ["tenant", "must be true or false, and this is of type string"],
    ["tenant == 1", "no such overload"],
    ["tenant ==", "can't be read"],
    ['tenant.matches("(a+)+$")', 'calls "matches"'],
    ["dyn(tenant) == 1", 'calls "dyn"'],
    ["has(project.zip)", 'calls "has"'],
    ["cel.bind(a, tenant + tenant, a == tenant)", 'calls "bind"'],
    ["project.goals.map(g, g + g) == project.goals", 'calls "map"'],
    ["project.goals.all(a, project.goals.all(b, project.goals.all(c, a + b == c)))", "steps"],
    [Array.from({ length: 300 }, () => "true").join("&&"), "Exceeded maxAstNodes"],
  ])("condition %#: refused", (condition, problem) => {
    const problems = problemsOf(setOf([{ condition: "true" }, { id: "bad", condition }]));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^test\.yaml:\d+: rule "bad": /);
    expect(problems[0]).toMatch(new RegExp(problem));
  });

  it("names file, line and rule", () => {
    const text =
      "id: test\nversion: '1'\nrules:\n  - id: one\n    condition: nope\n    weight: 2\n    severity: deny\n    message: m\n    remedy: r\n";
    expect(problemsOf({ file: "a.yaml", text })).toEqual([
      expect.stringMatching(/^a\.yaml:6: rule "one": rules\.0\.weight: /),
    ]);
    expect(problemsOf({ file: "a.yaml", text: text.replace("weight: 2", "weight: 1") })).toEqual([
      'a.yaml:5: rule "one": the condition is wrong: Unknown variable: nope',
    ]);
    expect(
      problemsOf({ file: "a.yaml", text: text.replace("weight: 2", "weight: 1").replace("    remedy: r\n", "") })[0],
    ).toMatch(/^a\.yaml:4: rule "one": /);
  });

  it("bad documents", () => {
    expect(problemsOf()[0]).toContain("no rule sets");
    expect(problemsOf({ file: "a.yaml", text: "id: [" })[0]).toMatch(/^a\.yaml:1: /);
    expect(problemsOf({ file: "a.yaml", text: "" })[0]).toMatch(/^a\.yaml:1: document: /);
    const bomb = [
      "a: &a [x,x]",
      ...Array.from("bcdefghij", (n, i) => `${n}: &${n} [*${"abcdefghij"[i]},*${"abcdefghij"[i]}]`),
    ];
    expect(problemsOf({ file: "a.yaml", text: bomb.join("\n") })[0]).toMatch(/alias/i);
    expect(problemsOf(setOf([{ condition: "true" }]), setOf([{ condition: "true" }]))).toHaveLength(1);
    expect(
      problemsOf(
        setOf([
          { id: "x", condition: "true" },
          { id: "x", condition: "true" },
        ]),
      ),
    ).toHaveLength(1);
    expect(problemsOf(setOf([{ condition: "true" }], { mixed: [1, "a"] }))[0]).toContain("settings.mixed mixes");
    expect(problemsOf(setOf([{ condition: "true" }], { none: null }))[0]).toContain("settings.none must not be null");
  });
});

describe("properties", () => {
  const rule = fc.record({
    condition: fc.constantFrom("true", "false", 'tenant == "default"', "spent_tokens > 1", "size(project.goals) == 1"),
    weight: fc.double({ min: 0, max: 1, noNaN: true }),
    severity: fc.constantFrom("info", "warn", "deny"),
  });
  const rules = fc.array(rule, { minLength: 1, maxLength: 12 });

  it("a further rule never raises the score or allows what was denied", () => {
    fc.assert(
      fc.property(rules, rule, (some, more) => {
        const [less, all] = [evaluate(some), evaluate([...some, more])];
        expect(all.score).toBeLessThanOrEqual(less.score);
        if (!less.allowed) expect(all.allowed).toBe(false);
      }),
      { numRuns: 50 },
    );
  });

  it("neither order nor repetition changes score and answer", () => {
    fc.assert(
      fc.property(rules, (some) => {
        const named = some.map((item, index) => ({ ...item, id: `n${index}` }));
        const [once, turned] = [evaluate(named), evaluate(named.toReversed())];
        expect([turned.score, turned.allowed]).toEqual([once.score, once.allowed]);
        expect(evaluate(named)).toEqual(once);
        expect(once.score).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 50 },
    );
  });
});
