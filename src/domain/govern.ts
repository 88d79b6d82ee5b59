import { z } from "zod";
import type { Capsule } from "./capsule.ts";
import { InputError } from "./errors.ts";
import { VERDICTS, type Verdict } from "./event-data.ts";
import type { KamachiqEvent } from "./events.ts";
import { GOVERNANCE_CHECKS, type CheckOutcome, type CheckName } from "./govern-checks.ts";
import { TASK_TYPES } from "./plan.ts";
import { GOVERNANCE_THRESHOLD } from "./policy.ts";
import { isOverridden, latestProjectScores, readRunLog, type RunLog, spentInAll } from "./run-log.ts";

export { renderGovernanceMarkdown } from "./report-markdown.ts";

/** Overrun of the estimate that is still accepted, as a share. Source: the blueprint's governance overlay. */
export const BUDGET_VARIANCE_MAX = 0.15;

/** Things that an audit needs, and that a run must have left behind. */
export const AUDIT_ARTIFACTS = [
  "plan",
  "policy_decisions",
  "provisioning",
  "task_outputs",
  "quality_reports",
  "project_report",
] as const;

/** `policies` of the capsule `kamachiq_governance_review`. */
export const GovernancePolicies = z.strictObject({
  /** Least score of every policy decision of the run. */
  constitution_threshold: z.number().min(0).max(1).default(GOVERNANCE_THRESHOLD),
  budget_variance_max: z.number().min(0).max(100).default(BUDGET_VARIANCE_MAX),
  /** Types of task whose output must have been reviewed and approved, beside the merged whole. */
  key_artifacts: z.array(z.enum(TASK_TYPES)).max(TASK_TYPES.length).default(["code", "test", "docs"]),
  audit_artifacts: z
    .array(z.enum(AUDIT_ARTIFACTS))
    .max(AUDIT_ARTIFACTS.length)
    .default([...AUDIT_ARTIFACTS]),
  /** Whether a person must have approved the merged whole. */
  human_approval_required: z.boolean().default(false),
});
export type GovernancePolicies = z.infer<typeof GovernancePolicies>;

/** The governance capsule as it is executed. */
export interface GovernanceOverlay {
  capsule: string;
  version: string;
  /** What the capsule's tasks check, in their order. */
  checks: CheckName[];
  policies: GovernancePolicies;
}

/** Reads a governance capsule. Throws InputError for another type of capsule, unknown checks or unknown policies. */
export function governanceOverlay(capsule: Capsule): GovernanceOverlay {
  const policies = GovernancePolicies.safeParse(capsule.policies);
  const named = capsule.tasks.flatMap((task) => task.checks);
  const checks = named.filter((check): check is CheckName => Object.hasOwn(GOVERNANCE_CHECKS, check));
  const problems = [
    ...(capsule.type === "governance" ? [] : [`type: "${capsule.type}" is not "governance"`]),
    ...(policies.error?.issues.map((issue) => `policies.${issue.path.join(".")}: ${issue.message}`) ?? []),
    ...named
      .filter((check) => !Object.hasOwn(GOVERNANCE_CHECKS, check))
      .map((check) => `tasks: there is no check "${check}"`),
    ...(checks.length > 0 ? [] : ["tasks: no check is named, so nothing would be reviewed"]),
  ];
  if (problems.length > 0 || !policies.success)
    throw new InputError(`The capsule "${capsule.id}" can't review a run.`, {
      code: "capsule_invalid",
      problems,
      remedy: `The checks are ${Object.keys(GOVERNANCE_CHECKS).join(", ")}.`,
    });
  return { capsule: capsule.id, version: capsule.version, checks: [...new Set(checks)], policies: policies.data };
}

/** A sentence with what it rests on: sequences of events and ids of decisions of the same run. */
export const Statement = z.strictObject({
  text: z.string(),
  events: z.array(z.int().positive()),
  decisions: z.array(z.string()),
});
export type Statement = z.infer<typeof Statement>;

/** One a run: what governance looked at, what it found and what it decided. Derived from the event log alone. */
export const GovernanceReport = z.strictObject({
  project: z.string(),
  name: z.string(),
  tenant: z.string(),
  region: z.string(),
  capsule: z.strictObject({ id: z.string(), version: z.string() }),
  verdict: z.enum(VERDICTS),
  /** Lowest score of the merged wholes, 0 to 1; null when none was graded. */
  score: z.number().min(0).max(1).nullable(),
  checks: z.array(
    z.strictObject({
      check: z.string(),
      outcome: z.enum(["passed", "needs_revision", "blocked"]),
      /** What was measured, and the limit; null where there is nothing to measure. */
      value: z.number().nullable(),
      limit: z.number().nullable(),
      /** What holds, and what does not; with an objection the outcome is not `passed`. */
      statements: z.array(Statement),
      objections: z.array(Statement),
    }),
  ),
  /** What is worth knowing and changes no verdict. */
  notes: z.array(Statement),
  /** What somebody has to do before the run can be released. */
  escalations: z.array(Statement.extend({ to: z.enum(["operator", "reviewer", "policy_owner"]) })),
  graph: z.strictObject({
    deliverables: z.int().nonnegative(),
    tasks: z.int().nonnegative(),
    waves: z.int().nonnegative(),
    widest_wave: z.int().nonnegative(),
  }),
  /** Tokens. */
  cost: z.strictObject({ budget: z.int(), estimated: z.int(), spent: z.int() }),
  outcomes: z.record(z.enum(["done", "failed", "skipped", "cancelled", "unfinished"]), z.int()),
  decisions: z.array(
    z.strictObject({
      decision_id: z.string(),
      action: z.string(),
      subject_id: z.string(),
      allowed: z.boolean(),
      score: z.number(),
      violations: z.array(z.string()),
      overridden: z.boolean(),
      event: z.int().positive(),
    }),
  ),
  constitution_hashes: z.array(z.string()),
  blocked: z.array(
    z.strictObject({ deliverable_id: z.string(), reasons: z.array(z.string()), event: z.int().positive() }),
  ),
  approvals: z.array(
    z.strictObject({
      review_id: z.string(),
      scope: z.string(),
      subject: z.string(),
      decision: z.string(),
      actor: z.string(),
      event: z.int(),
    }),
  ),
  events: z.strictObject({ first: z.int().nullable(), last: z.int().nullable(), count: z.int().nonnegative() }),
});
export type GovernanceReport = z.infer<typeof GovernanceReport>;

/** Why the verdict is not `approved`, one sentence a reason; empty when it is. */
export function objectionsOf(report: GovernanceReport): string[] {
  return report.checks.flatMap((check) => check.objections.map((objection) => objection.text));
}

const WORST_FIRST = ["blocked", "needs_revision"] as const;

/**
 * Reviews a run by the capsule's checks and thresholds. Pure, and complete for any prefix of a log: what has not happened is found missing.
 * The verdict is the worst outcome of a check. Throws a ZodError for events that no writer of ours wrote.
 */
export function reviewGovernance(events: readonly KamachiqEvent[], overlay: GovernanceOverlay): GovernanceReport {
  const log = readRunLog(events);
  const results = overlay.checks.map((check) => ({ check, ...GOVERNANCE_CHECKS[check](log, overlay.policies) }));
  const scores = latestProjectScores(log).map(({ score }) => score);
  return {
    project: log.project,
    name: log.accepted?.name ?? "",
    tenant: log.tenant,
    region: log.region,
    capsule: { id: overlay.capsule, version: overlay.version },
    verdict: verdictOf(results),
    score: scores.length === 0 ? null : Math.min(...scores),
    checks: results.map(({ check, outcome, value, limit, statements, objections }) => {
      return { check, outcome, value, limit, statements, objections };
    }),
    notes: [...results.flatMap((result) => result.notes), ...sandboxNote(log)],
    escalations: results.flatMap((result) => result.escalations),
    ...figures(log),
  };
}

function verdictOf(results: readonly CheckOutcome[]): Verdict {
  return WORST_FIRST.find((verdict) => results.some(({ outcome }) => outcome === verdict)) ?? "approved";
}

function sandboxNote({ accepted }: RunLog): Statement[] {
  if (accepted?.sandbox !== "none") return [];
  return [
    { text: "The run was made without a sandbox, by explicit choice.", events: [accepted.sequence], decisions: [] },
  ];
}

type Figures = "graph" | "cost" | "outcomes" | "decisions" | "constitution_hashes" | "blocked" | "approvals" | "events";

function figures(log: RunLog): Pick<GovernanceReport, Figures> {
  const outcomes = { done: 0, failed: 0, skipped: 0, cancelled: 0, unfinished: 0 };
  for (const task of log.tasks) outcomes[task.end?.state ?? "unfinished"]++;
  return {
    graph: {
      deliverables: log.decomposed?.deliverables ?? 0,
      tasks: log.decomposed?.tasks ?? 0,
      waves: log.validated?.waves ?? 0,
      widest_wave: log.validated?.widest_wave ?? 0,
    },
    cost: {
      budget: log.accepted?.budget_tokens ?? 0,
      estimated: log.decomposed?.estimated_tokens ?? 0,
      spent: spentInAll(log),
    },
    outcomes,
    decisions: log.decisions.map((fact) => ({
      decision_id: fact.decision.decision_id,
      action: fact.action,
      subject_id: fact.subject_id,
      allowed: fact.decision.allowed,
      score: fact.decision.score,
      violations: fact.decision.violations.map((violation) => violation.rule),
      overridden: isOverridden(log, fact),
      event: fact.sequence,
    })),
    constitution_hashes: [...new Set(log.decisions.map((fact) => fact.decision.constitution_hash))],
    blocked: log.blocks
      .filter((block) => block.unblocked === null)
      .map(({ blocked }) => ({
        deliverable_id: blocked.deliverable_id,
        reasons: blocked.reasons,
        event: blocked.sequence,
      })),
    approvals: [
      ...log.plan_approvals.map(({ revision, plan, decision, actor, sequence }) => ({
        review_id: `plan/${revision}`,
        scope: "plan",
        subject: plan.digest,
        decision,
        actor,
        event: sequence,
      })),
      ...log.reviews.flatMap(({ requested, decided }) =>
        decided === null
          ? []
          : [
              {
                review_id: requested.review_id,
                scope: requested.scope,
                subject: requested.task_id ?? requested.deliverable_id ?? log.project,
                decision: decided.decision,
                actor: decided.actor,
                event: decided.sequence,
              },
            ],
      ),
    ],
    events: { first: log.first?.sequence ?? null, last: log.last?.sequence ?? null, count: log.count },
  };
}
