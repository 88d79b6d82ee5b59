import { z } from "zod";
import { Id } from "./ids.ts";

export const SEVERITIES = ["info", "warn", "deny"] as const;

/** One rule: `condition` is CEL over the documented context and is true when the rule is VIOLATED. */
export const Rule = z.strictObject({
  id: Id,
  /** Steps the rule looks at; none named: every step. */
  actions: z.array(z.string().max(100)).max(20).default([]),
  condition: z.string().min(1).max(4_000),
  weight: z.number().min(0).max(1),
  severity: z.enum(SEVERITIES),
  message: z.string().min(1).max(500),
  remedy: z.string().min(1).max(500),
});
export type Rule = z.infer<typeof Rule>;

export const RuleSet = z.strictObject({
  id: Id,
  version: z.string().max(50),
  domain: Id.default("general"),
  /** Values that the conditions may use as `settings.NAME`. */
  settings: z.record(z.string().max(100), z.json()).default({}),
  rules: z.array(Rule).min(1).max(1_000),
});
export type RuleSet = z.infer<typeof RuleSet>;

/** The automated steps that are asked about. */
export const ACTIONS = ["deliverable.provision", "agent.spawn", "release.promote"] as const;
export type Action = (typeof ACTIONS)[number];

export const Violation = z.strictObject({
  rule: z.string(),
  severity: z.enum(SEVERITIES),
  weight: z.number(),
  reason: z.string(),
  remedy: z.string(),
});
export type Violation = z.infer<typeof Violation>;

export const PolicyDecision = z.strictObject({
  decision_id: z.string(),
  allowed: z.boolean(),
  score: z.number().min(0).max(1),
  threshold: z.number().min(0).max(1),
  violations: z.array(Violation),
  constitution_hash: z.string(),
  input_hash: z.string(),
  evaluated_at: z.string(),
});
export type PolicyDecision = z.infer<typeof PolicyDecision>;

/** Default score at or above which a step is allowed; governance asks for 0.82. Source: DESIGN.md §4, issue 8. */
export const POLICY_THRESHOLD = 0.8;
export const GOVERNANCE_THRESHOLD = 0.82;

/** What a condition can read. Every field is always there; a step that has no such thing gives "", 0, [] or false. */
export interface PolicyContext {
  action: string;
  tenant: string;
  region: string;
  actor: string;
  /** Kind of sandbox that the agents run in; `none` only by explicit choice. */
  sandbox: string;
  project: {
    name: string;
    goals: string[];
    constraints: string[];
    budget_tokens: number;
    agent: string;
    quality_threshold: number;
  };
  deliverable: {
    id: string;
    persona: string;
    tools: string[];
    budget_tokens: number;
    capsule: string;
    registries: string[];
  };
  task: { id: string; type: string; persona: string; tools: string[]; estimated_tokens: number };
  /** For `release.promote`: score of the merged whole, governance's verdict, and whether a person approved the whole. */
  release: { score: number; verdict: string; approved_by_person: boolean };
  /** Tokens that the project has spent so far. */
  spent_tokens: number;
}

/** What the rules say of a step. */
export interface Verdict {
  allowed: boolean;
  score: number;
  threshold: number;
  violations: Violation[];
}

/** The name under which an override stands among a decision's violations. */
export const OVERRIDE = "override";

/** What a person let through for a deliverable stays let through in its later steps: those rules count no more. */
export function waive(verdict: Verdict, rules: ReadonlySet<string>): Verdict {
  const violations = verdict.violations.map((violation) =>
    rules.has(violation.rule) ? { ...violation, severity: "info" as const, weight: 0 } : violation,
  );
  const score = Math.max(0, 1 - violations.reduce((sum, { weight }) => sum + weight, 0));
  const denied = violations.some(({ severity }) => severity === "deny");
  return { ...verdict, violations, score, allowed: !denied && score >= verdict.threshold };
}
