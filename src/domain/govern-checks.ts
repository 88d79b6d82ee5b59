import type { GovernancePolicies, GovernanceReport, Statement } from "./govern.ts";
import {
  type DecisionFact,
  estimateOf,
  firstSpendOf,
  isOverridden,
  lastScore,
  latestProjectScores,
  openBlocks,
  type RunLog,
  spentInAll,
  spentOf,
  type TaskLog,
} from "./run-log.ts";

type Escalation = GovernanceReport["escalations"][number];

export interface CheckOutcome {
  outcome: "passed" | "needs_revision" | "blocked";
  value: number | null;
  limit: number | null;
  /** What holds, and what does not. */
  statements: Statement[];
  objections: Statement[];
  notes: Statement[];
  escalations: Escalation[];
}

/** Looks at a run under the capsule's thresholds. */
type Check = (log: RunLog, policies: GovernancePolicies) => CheckOutcome;

/** Collects what a check finds; the worst finding is its outcome. */
class Findings implements CheckOutcome {
  outcome: CheckOutcome["outcome"] = "passed";
  value: number | null = null;
  limit: number | null = null;
  statements: Statement[] = [];
  objections: Statement[] = [];
  notes: Statement[] = [];
  escalations: Escalation[] = [];

  holds(text: string, ...facts: Cited[]): void {
    this.statements.push(cite(text, facts));
  }

  note(text: string, ...facts: Cited[]): void {
    this.notes.push(cite(text, facts));
  }

  revise(text: string, ...facts: Cited[]): void {
    if (this.outcome === "passed") this.outcome = "needs_revision";
    this.objections.push(cite(text, facts));
  }

  block(text: string, to: Escalation["to"], ...facts: Cited[]): void {
    this.outcome = "blocked";
    this.objections.push(cite(text, facts));
    this.escalations.push({ ...cite(text, facts), to });
  }
}

type Cited = { sequence: number } | null;

/** What is missing is cited by the last event: up to there the log was read. */
function cite(text: string, facts: readonly Cited[]): Statement {
  const given = facts.filter((fact) => fact !== null);
  return {
    text,
    events: [...new Set(given.map((fact) => fact.sequence))],
    decisions: [...new Set(given.flatMap(decisionIdOf))],
  };
}

function decisionIdOf(fact: object): string[] {
  if ("decision_id" in fact && typeof fact.decision_id === "string") return [fact.decision_id];
  return "decision" in fact && typeof fact.decision === "object" && fact.decision !== null
    ? decisionIdOf(fact.decision)
    : [];
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

const constitution: Check = (log, { constitution_threshold }) => {
  const found = new Findings();
  found.limit = constitution_threshold;
  if (log.decisions.length === 0) found.block("No policy decision is on record.", "policy_owner", log.last);
  const standing = standingDecisions(log);
  for (const fact of standing) {
    const { allowed, score } = fact.decision;
    const what = `${fact.action} of ${fact.subject_id}`;
    if (isOverridden(log, fact)) found.note(`A person let ${what} through; policy had scored it ${score}.`, fact);
    else if (!allowed) found.block(`Policy denied ${what}.`, "policy_owner", fact);
    else if (score < constitution_threshold)
      found.block(`The decision on ${what} scores ${score}, below ${constitution_threshold}.`, "policy_owner", fact);
    for (const { rule, reason } of fact.decision.violations)
      if (rule !== "override") found.note(`${what} violated ${rule}: ${reason}`, fact);
  }
  for (const { blocked } of openBlocks(log))
    found.block(
      `The deliverable ${blocked.deliverable_id} is blocked: ${blocked.reasons.join("; ")}`,
      "operator",
      blocked,
    );
  const byId = new Map(log.decisions.map((fact) => [fact.decision.decision_id, fact]));
  for (const { started } of log.tasks.flatMap((task) => task.attempts)) {
    if (started === null) continue;
    const basis = byId.get(started.decision_id);
    const allows =
      basis !== undefined && basis.sequence < started.sequence && (basis.decision.allowed || isOverridden(log, basis));
    if (!allows)
      found.block(`The task ${started.task_id} was started without a decision that allows it.`, "policy_owner", {
        sequence: started.sequence,
      });
  }
  const judged = standing.filter((fact) => !isOverridden(log, fact)).map((fact) => fact.decision.score);
  found.value = judged.length === 0 ? null : Math.min(...judged);
  if (found.outcome === "passed")
    found.holds(
      `${standing.length} standing decisions allow every step, none below ${constitution_threshold}.`,
      ...standing,
    );
  return found;
};

/** Of the decisions on a deliverable or a release, the latest stands; every start of an agent stands on its own. */
function standingDecisions(log: RunLog): DecisionFact[] {
  const latest = new Map(log.decisions.map((fact) => [`${fact.action}\0${fact.subject_id}`, fact]));
  return log.decisions.filter(
    (fact) => fact.action === "agent.spawn" || latest.get(`${fact.action}\0${fact.subject_id}`) === fact,
  );
}

const budgetVariance: Check = (log, { budget_variance_max }) => {
  const found = new Findings();
  found.limit = budget_variance_max;
  const completed = log.tasks.filter((task) => task.end?.state === "done");
  const estimated = completed.reduce((sum, task) => sum + (estimateOf(task) ?? 0), 0);
  const spent = completed.reduce((sum, task) => sum + firstSpendOf(task), 0);
  const remediation = completed.reduce((sum, task) => sum + spentOf(task), 0) - spent;
  const basis = completed.map((task) => task.end);
  if (completed.length === 0) found.holds("No task is completed, so there is no variance to judge.", log.last);
  else if (estimated === 0 && spent > 0)
    found.block(`${spent} tokens were spent on completed tasks that were estimated at none.`, "operator", ...basis);
  else {
    const variance = estimated === 0 ? 0 : (spent - estimated) / estimated;
    found.value = variance;
    const text = `The first attempts of completed tasks spent ${spent} tokens of ${estimated} estimated, a variance of ${percent(variance)}`;
    if (variance > budget_variance_max)
      found.block(`${text}, above ${percent(budget_variance_max)}.`, "operator", ...basis);
    else found.holds(`${text}, within ${percent(budget_variance_max)}.`, ...basis);
    if (variance < -budget_variance_max)
      found.note(`The plan estimated much more than was spent: ${percent(variance)}.`, ...basis);
    // Remediation has a reserve of its own; the estimate is of a first attempt.
    if (remediation > 0) found.note(`${remediation} tokens more went into remediation.`, ...basis);
  }
  const total = spentInAll(log);
  if (log.accepted !== null && total > log.accepted.budget_tokens)
    found.block(
      `${total} tokens were spent of a budget of ${log.accepted.budget_tokens}.`,
      "operator",
      log.accepted,
      log.last,
    );
  return found;
};

const keyArtifacts: Check = (log, { key_artifacts }) => {
  const found = new Findings();
  for (const task of log.tasks) reviewTask(found, log, task, key_artifacts);
  const planned = log.decomposed?.tasks ?? 0;
  if (log.tasks.length < planned)
    found.revise(
      `${planned - log.tasks.length} of ${planned} planned tasks were never started.`,
      log.decomposed,
      log.last,
    );
  const wholes = latestProjectScores(log);
  if (wholes.length === 0) found.revise("The merged whole was never graded.", log.last);
  for (const scored of wholes) {
    const what = `The merged whole of ${scored.deliverable_id ?? log.project}`;
    const person = approvalOf(log, "project", scored.deliverable_id, null, scored.sequence);
    if (scored.approved) found.holds(`${what} was graded ${scored.score} and approved.`, scored);
    else if (person !== null)
      found.holds(`${what} was graded ${scored.score} and approved by ${person.actor}.`, scored, person);
    else found.revise(`${what} was graded ${scored.score} and not approved${vetoText(scored.vetoes)}.`, scored);
  }
  return found;
};

function reviewTask(found: Findings, log: RunLog, task: TaskLog, types: readonly string[]): void {
  const { task_id, deliverable_id, end } = task;
  const latest = task.attempts.findLast((attempt) => attempt.started !== null)?.started ?? null;
  if (end === null) return found.revise(`The task ${task_id} is not finished.`, latest, log.last);
  if (end.by_condition === true) return found.holds(`The task ${task_id} was not needed: ${end.reason}.`, end);
  if (end.state !== "done")
    return found.revise(`The task ${task_id} ended ${end.state}: ${end.reason ?? "no reason given"}`, end);
  if (!types.includes(end.type)) return;
  const scored = lastScore(task);
  if (scored?.approved === true)
    return found.holds(
      `The ${end.type} task ${task_id} was reviewed, scored ${scored.score} and approved.`,
      scored,
      end,
    );
  const person = approvalOf(log, "task", deliverable_id, task_id, scored?.sequence ?? 0);
  if (person !== null)
    return found.holds(`The ${end.type} task ${task_id} was approved by ${person.actor}.`, scored, person);
  found.revise(`The ${end.type} task ${task_id} was completed without an approving review.`, scored, end);
}

/** A person's approval that came after the score it answers. */
function approvalOf(
  log: RunLog,
  scope: "task" | "project",
  deliverable: string | null,
  task: string | null,
  after: number,
) {
  const review = log.reviews.findLast(
    ({ requested }) =>
      requested.scope === scope && requested.deliverable_id === deliverable && requested.task_id === task,
  );
  const decided = review?.decided ?? null;
  return decided !== null && decided.decision === "approved" && decided.sequence > after ? decided : null;
}

function vetoText(vetoes: readonly string[]): string {
  return vetoes.length === 0 ? "" : `: ${vetoes.join(", ")}`;
}

const auditArtifacts: Check = (log, { audit_artifacts }) => {
  const found = new Findings();
  const attempts = log.tasks.flatMap((task) => task.attempts);
  const collected: Record<(typeof audit_artifacts)[number], Cited[]> = {
    plan: log.decomposed === null ? [] : [log.decomposed],
    policy_decisions: log.decisions,
    provisioning: log.provisioned,
    task_outputs: attempts.flatMap(({ produced }) => produced ?? []),
    quality_reports: attempts.flatMap(({ scored }) => scored ?? []),
    project_report: log.project_scores,
  };
  for (const kind of audit_artifacts) {
    const facts = collected[kind];
    if (facts.length > 0) found.holds(`Collected for the audit: ${kind} (${facts.length}).`, ...facts);
    else found.revise(`Missing for the audit: ${kind}.`, log.last);
  }
  found.value = audit_artifacts.filter((kind) => collected[kind].length > 0).length;
  found.limit = audit_artifacts.length;
  return found;
};

const humanApproval: Check = (log, { human_approval_required }) => {
  const found = new Findings();
  const latest = latestProjectReviews(log);
  for (const { requested, decided } of latest) {
    const what = `The review ${requested.review_id} of the merged whole`;
    const regraded = log.project_scores.find(
      ({ deliverable_id, sequence }) =>
        deliverable_id === requested.deliverable_id && sequence > (decided?.sequence ?? Infinity),
    );
    if (decided === null) found.block(`${what} waits for an answer.`, "reviewer", requested);
    else if (decided.decision === "approved")
      found.holds(`${decided.actor} approved the merged whole.`, requested, decided);
    else if (regraded !== undefined)
      found.note(`${what} ended ${decided.decision}; it was graded again since.`, decided, regraded);
    else found.revise(`${what} ended ${decided.decision}.`, requested, decided);
  }
  const approved = latest.some(({ decided }) => decided?.decision === "approved");
  if (human_approval_required && !approved && found.outcome === "passed")
    found.block("A person must approve the merged whole, and nobody has.", "reviewer", log.last);
  else if (latest.length === 0) found.holds("No approval by a person is required, and none was asked for.", log.last);
  return found;
};

function latestProjectReviews(log: RunLog): RunLog["reviews"] {
  const reviews = log.reviews.filter(({ requested }) => requested.scope === "project");
  return [...new Map(reviews.map((review) => [review.requested.deliverable_id, review])).values()];
}

/** What a governance capsule's tasks can check. */
export const GOVERNANCE_CHECKS = {
  constitution,
  budget_variance: budgetVariance,
  key_artifacts: keyArtifacts,
  audit_artifacts: auditArtifacts,
  human_approval: humanApproval,
} as const satisfies Record<string, Check>;
export type CheckName = keyof typeof GOVERNANCE_CHECKS;
