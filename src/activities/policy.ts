import { PolicyError } from "../domain/errors.ts";
import { newEvent, typedEvent } from "../domain/event-data.ts";
import {
  type Action,
  OVERRIDE,
  POLICY_THRESHOLD,
  type PolicyContext,
  type PolicyDecision,
  type Violation,
  waive,
} from "../domain/policy.ts";
import { canonicalJson, sha256 } from "../platform/digest.ts";
import type { Db } from "../persistence/database.ts";
import { readEvents } from "../persistence/events.ts";
import { projectSpent } from "../persistence/ledger.ts";
import type { ControlActivities, DecisionSummary, PolicyQuestion } from "./contract.ts";
import type { ActivityDeps } from "./deps.ts";
import { loadWork, type Project, type Work } from "./project.ts";
import { record } from "./transaction.ts";

type PolicyActivities = Pick<ControlActivities, "evaluatePolicy" | "recordBlocked" | "recordUnblocked">;

export function createPolicyActivities(deps: ActivityDeps): PolicyActivities {
  const { db, log } = deps;
  return {
    async evaluatePolicy(question) {
      const earlier = await findDecision(db, decisionId(question));
      const decision = earlier ?? (await decide(deps, question));
      const { project_id, action } = question;
      log(project_id).info({ action, decision: decision.decision_id, allowed: decision.allowed }, "policy decided");
      return decision;
    },

    async recordBlocked({ project_id, deliverable_id, decision }) {
      const { decision_id, reasons } = decision;
      const event = newEvent(`blocked/${decision_id}`, "kamachiq.policy.blocked", `deliverable/${deliverable_id}`, {
        deliverable_id,
        decision_id,
        reasons,
      });
      await record(db, project_id, [event], async (tx) => {
        const blocked = {
          state: "blocked" as const,
          decision_id,
          reasons: JSON.stringify(reasons),
          constitution_hash: deps.policy.constitution_hash,
        };
        await tx
          .insertInto("requeue")
          .values({ id: `${project_id}.${deliverable_id}`, project_id, deliverable_id, ...blocked })
          .onConflict((oc) => oc.columns(["project_id", "deliverable_id"]).doUpdateSet(blocked))
          .execute();
        await setQueuedTasks(tx, project_id, deliverable_id, "queued", "blocked");
      });
    },

    async recordUnblocked({ project_id, deliverable_id, decision_id, actor, reason }) {
      const event = newEvent(`unblocked/${decision_id}`, "kamachiq.policy.unblocked", `deliverable/${deliverable_id}`, {
        deliverable_id,
        decision_id,
        actor,
        reason,
      });
      await record(db, project_id, [event], async (tx) => {
        await tx
          .updateTable("requeue")
          .set({ state: "resolved", resolved_at: new Date(), resolved_by: actor, resolution: reason })
          .where("project_id", "=", project_id)
          .where("deliverable_id", "=", deliverable_id)
          .execute();
        await setQueuedTasks(tx, project_id, deliverable_id, "blocked", "queued");
      });
    },
  };
}

/** A step without a decision that allows just it can't run. */
export async function requireDecision(
  db: Db,
  decision_id: string,
  expected: { project_id: string; action: Action; subject_id: string },
): Promise<void> {
  const row = await db
    .selectFrom("decisions")
    .select(["project_id", "action", "subject_id", "allowed"])
    .where("decision_id", "=", decision_id)
    .executeTakeFirst();
  const fits =
    row?.allowed === true &&
    row.project_id === expected.project_id &&
    row.action === expected.action &&
    row.subject_id === expected.subject_id;
  if (fits) return;
  throw new PolicyError(`No recorded decision allows ${expected.action} of ${expected.subject_id}.`, [
    `decision ${decision_id}: ${row === undefined ? "not on record" : `for ${row.action} of ${row.subject_id}, allowed: ${row.allowed}`}`,
  ]);
}

function decisionId({ project_id, key }: PolicyQuestion): string {
  return `${project_id}/${key}`;
}

async function decide(deps: ActivityDeps, question: PolicyQuestion): Promise<DecisionSummary> {
  const work = await loadWork(deps, question.project_id, question.deliverable_id);
  const context = await contextOf(deps.db, work, question);
  const { override } = question;
  const verdict = waive(
    deps.policy.evaluate(context, { threshold: POLICY_THRESHOLD }),
    await overriddenRules(deps.db, question),
  );
  const decision: PolicyDecision = {
    decision_id: decisionId(question),
    allowed: verdict.allowed || override !== undefined,
    score: verdict.score,
    threshold: verdict.threshold,
    violations: override === undefined ? verdict.violations : [...verdict.violations, overrideNote(override)],
    constitution_hash: deps.policy.constitution_hash,
    input_hash: sha256(canonicalJson(context)),
    evaluated_at: new Date().toISOString(),
  };
  await recordDecision(deps.db, question, decision);
  return (await findDecision(deps.db, decision.decision_id)) as DecisionSummary;
}

/** Rules that an entitled person has set aside for this deliverable. */
async function overriddenRules(db: Db, { project_id, deliverable_id }: PolicyQuestion): Promise<Set<string>> {
  const rows = await db
    .selectFrom("decisions")
    .select("violations")
    .where("project_id", "=", project_id)
    .where("action", "=", "deliverable.provision")
    .where("subject_id", "=", deliverable_id)
    .where("allowed", "=", true)
    .execute();
  const overridden = rows.filter(({ violations }) => violations.some(({ rule }) => rule === OVERRIDE));
  return new Set(overridden.flatMap(({ violations }) => violations.map(({ rule }) => rule)));
}

/** Another try may have recorded its answer first; then that one stands. */
async function recordDecision(db: Db, question: PolicyQuestion, decision: PolicyDecision): Promise<void> {
  const { project_id, action } = question;
  const subject_id = question.task_id ?? question.deliverable_id;
  const subject = question.task_id === undefined ? `deliverable/${subject_id}` : `task/${subject_id}`;
  const event = newEvent(`decision/${question.key}`, "kamachiq.policy.decided", subject, {
    decision,
    action,
    subject_id,
  });
  await record(db, project_id, [event], async (tx, fresh) => {
    if (!fresh) return;
    const { event_sequence } = await tx
      .selectFrom("projects")
      .select("event_sequence")
      .where("id", "=", project_id)
      .executeTakeFirstOrThrow();
    await tx
      .insertInto("decisions")
      .values({
        ...decision,
        project_id,
        sequence: event_sequence,
        action,
        subject_id,
        violations: JSON.stringify(decision.violations),
        evaluated_at: new Date(decision.evaluated_at),
      })
      .execute();
  });
}

async function findDecision(db: Db, decision_id: string): Promise<DecisionSummary | undefined> {
  const row = await db
    .selectFrom("decisions")
    .select(["decision_id", "allowed", "score", "violations"])
    .where("decision_id", "=", decision_id)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { violations, ...rest } = row;
  return { ...rest, reasons: violations.map(({ rule, reason, remedy }) => `${rule}: ${reason} ${remedy}`) };
}

function overrideNote({ actor, reason }: { actor: string; reason: string }): Violation {
  return { rule: OVERRIDE, severity: "info", weight: 0, reason: `Let through by ${actor}: ${reason}`, remedy: "" };
}

async function contextOf(db: Db, work: Work, { action, task_id }: PolicyQuestion): Promise<PolicyContext> {
  const spent_tokens = await projectSpent(db, work.project.id);
  const release = action === "release.promote" ? await releaseOf(db, work) : NOTHING_TO_RELEASE;
  return policyContext(work, { action, task_id, spent_tokens, release });
}

const NOTHING_TO_RELEASE: PolicyContext["release"] = { score: 0, verdict: "", approved_by_person: false };

/** What the log says of the merged whole. */
async function releaseOf(db: Db, { project, deliverable }: Work): Promise<PolicyContext["release"]> {
  const events = await readEvents(db, project.id);
  const release = { ...NOTHING_TO_RELEASE };
  for (const event of events.map(typedEvent)) {
    if (event.type === "kamachiq.govern.reported") release.verdict = event.data.verdict;
    if (event.type === "kamachiq.review.scored" && isWhole(event.data, deliverable.id))
      release.score = event.data.score;
    if (event.type === "kamachiq.review.decided" && event.data.review_id === `${project.id}.${deliverable.id}`) {
      release.approved_by_person = event.data.decision === "approved";
    }
  }
  return release;
}

function isWhole(data: { scope: string; deliverable_id: string | null }, deliverableId: string): boolean {
  return data.scope === "project" && data.deliverable_id === deliverableId;
}

/** A step of a deliverable that a decision is asked for. */
interface Step {
  action: Action;
  task_id?: string | undefined;
  spent_tokens: number;
  release: PolicyContext["release"];
}

/** What the rules see before a deliverable is provisioned, of a project that may not exist yet. */
export function provisionContext(work: Planned): PolicyContext {
  return policyContext(work, { action: "deliverable.provision", spent_tokens: 0, release: NOTHING_TO_RELEASE });
}

type Planned = Pick<Work, "deliverable" | "graph"> & { project: Omit<Project, "id" | "plan"> };

function policyContext(work: Planned, { action, task_id, spent_tokens, release }: Step): PolicyContext {
  const { project, deliverable, graph } = work;
  const { spec } = project;
  const task = task_id === undefined ? undefined : graph.nodes.find((node) => node.id === task_id);
  return {
    action,
    tenant: project.tenant,
    region: project.region,
    actor: project.created_by,
    sandbox: project.sandbox,
    project: {
      name: spec.name,
      goals: spec.goals,
      constraints: spec.constraints,
      budget_tokens: spec.budget.tokens,
      agent: spec.agent,
      quality_threshold: spec.quality_threshold,
    },
    deliverable: {
      id: deliverable.id,
      persona: deliverable.persona,
      tools: deliverable.tools,
      budget_tokens: deliverable.budget_tokens,
      capsule: deliverable.capsule ?? "",
      registries: deliverable.registries,
    },
    task: {
      id: task?.id ?? "",
      type: task?.type ?? "",
      persona: task?.persona ?? "",
      tools: task?.tools ?? [],
      estimated_tokens: task?.estimated_tokens ?? 0,
    },
    release,
    spent_tokens,
  };
}

async function setQueuedTasks(
  tx: Parameters<NonNullable<Parameters<typeof record>[3]>>[0],
  project_id: string,
  deliverable_id: string,
  from: "queued" | "blocked",
  to: "queued" | "blocked",
): Promise<void> {
  await tx
    .updateTable("tasks")
    .set({ state: to })
    .where("project_id", "=", project_id)
    .where("deliverable_id", "=", deliverable_id)
    .where("state", "=", from)
    .execute();
}
