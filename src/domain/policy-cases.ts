import { z } from "zod";
import { InputError } from "./errors.ts";
import { POLICY_THRESHOLD, type PolicyContext } from "./policy.ts";
import type { PolicyEngine } from "./policy-engine.ts";

const Fields = z.record(z.string(), z.json());

/** Cases beside the rules: contexts, and which rules they must violate. */
const PolicyCases = z.strictObject({
  /** Contexts to start from; what a template leaves out is taken from `base`. */
  templates: z.object({ base: Fields }).catchall(Fields),
  cases: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(200),
        from: z.string().default("base"),
        /** Field by path: `project.goals`. */
        set: Fields.default({}),
        /** Ids `set/rule` of all rules that must be violated, in any order. */
        violated: z.array(z.string()).max(100),
        /** Absent: allowed exactly when nothing is violated. */
        allowed: z.boolean().optional(),
        threshold: z.number().min(0).max(1).default(POLICY_THRESHOLD),
      }),
    )
    .min(1)
    .max(10_000),
});

export interface CaseFailure {
  name: string;
  /** What was expected and what came, in one line. */
  problem: string;
}

/** Runs cases (a parsed `cases.yaml`) against an engine. Throws InputError for cases that can't be read. */
export function runPolicyCases(engine: PolicyEngine, document: unknown): { total: number; failures: CaseFailure[] } {
  const parsed = PolicyCases.safeParse(document);
  if (!parsed.success)
    throw new InputError("The policy cases can't be read.", {
      code: "policy_cases_invalid",
      problems: parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`),
    });
  const { templates, cases } = parsed.data;
  const failures = cases.flatMap((item): CaseFailure[] => {
    const template = templates[item.from];
    if (template === undefined) return [{ name: item.name, problem: `there is no template "${item.from}"` }];
    // Templates are JSON; a case changes a copy of its own.
    const context = JSON.parse(JSON.stringify({ ...templates.base, ...template })) as Record<string, unknown>;
    const unknown = Object.entries(item.set).filter(([path, value]) => !setField(context, path.split("."), value));
    if (unknown.length > 0) return [{ name: item.name, problem: `unknown field ${unknown[0]?.[0]}` }];
    // The engine itself checks the context's types as it reads them.
    const result = engine.evaluate(context as unknown as PolicyContext, { threshold: item.threshold });
    const got = describe(
      result.violations.map((violation) => violation.rule),
      result.allowed,
    );
    const want = describe(item.violated, item.allowed ?? item.violated.length === 0);
    return got === want ? [] : [{ name: item.name, problem: `expected ${want}, got ${got}` }];
  });
  return { total: cases.length, failures };
}

function describe(rules: readonly string[], allowed: boolean): string {
  return `${allowed ? "allowed" : "not allowed"} with [${rules.toSorted().join(", ")}]`;
}

/** Sets a field that is there already; false when it is not. */
function setField(target: Record<string, unknown>, path: readonly string[], value: unknown): boolean {
  const [name, ...rest] = path;
  if (name === undefined || !Object.hasOwn(target, name)) return false;
  if (rest.length === 0) {
    target[name] = value;
    return true;
  }
  const inner = target[name];
  return typeof inner === "object" && inner !== null && setField(inner as Record<string, unknown>, rest, value);
}
