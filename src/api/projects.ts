import { randomBytes } from "node:crypto";
import { type Client, WorkflowExecutionAlreadyStartedError } from "@temporalio/client";
import { defineSearchAttributeKey, SearchAttributeType } from "@temporalio/common";
import { type Selectable, sql, type Transaction } from "kysely";
import { ConflictError, InputError, NotFoundError } from "../domain/errors.ts";
import { newEvent } from "../domain/event-data.ts";
import type { ArtifactRef } from "../domain/ids.ts";
import type { ProjectSpec } from "../domain/intake.ts";
import type { Db } from "../persistence/database.ts";
import { appendEvents } from "../persistence/events.ts";
import type { Database } from "../persistence/schema.ts";
import { canonicalJson, sha256 } from "../platform/digest.ts";
import { CONTROL_QUEUE, projectWorkflowId, type ProjectWorkflowInput } from "../workflows/messages.ts";
import type { ApiSettings } from "./deps.ts";

export type ProjectRow = Selectable<Database["projects"]>;

const SUFFIX_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";
const SUFFIX_LENGTH = 6;
/** More unfinished projects than this are started in turns. */
const RECONCILED_MAX = 1_000;

const TENANT = defineSearchAttributeKey("KamachiqTenant", SearchAttributeType.KEYWORD);
const PROJECT = defineSearchAttributeKey("KamachiqProject", SearchAttributeType.KEYWORD);
const REGION = defineSearchAttributeKey("KamachiqRegion", SearchAttributeType.KEYWORD);

/** The spec's name and a random suffix of 30 bits; at most 64 characters, as every id. */
export function newProjectId(name: string): string {
  const suffix = Array.from(randomBytes(SUFFIX_LENGTH), (byte) => SUFFIX_ALPHABET[byte % 32]).join("");
  return `${name.slice(0, 64 - SUFFIX_LENGTH - 1)}-${suffix}`;
}

/** What a project is started with: a spec, and a stored plan where one was given. */
export interface ProjectInput {
  spec: ProjectSpec;
  plan?: ArtifactRef | undefined;
  /** A person approves the plan before anything is done for it. */
  approve_plan?: boolean | undefined;
}

/** Two projects with the same digest were asked for the same. */
function inputDigest({ spec, plan }: ProjectInput): string {
  return sha256(canonicalJson(plan === undefined ? spec : { spec, plan: plan.digest }));
}

/** Refuses what this installation can't run, before anything is written. */
export function checkAgainstSettings(spec: ProjectSpec, sandbox: string | undefined, settings: ApiSettings): void {
  const problems: string[] = [];
  if (spec.max_concurrency > settings.max_concurrency) {
    problems.push(
      `max_concurrency: at most ${settings.max_concurrency} here, and the spec asks for ${spec.max_concurrency}`,
    );
  }
  if (!settings.regions.includes(spec.region)) {
    problems.push(`region: no worker serves "${spec.region}" here, only ${settings.regions.join(", ")}`);
  }
  if (problems.length > 0) {
    throw new InputError("This installation can't run the spec.", {
      code: "spec_unsupported",
      problems,
      remedy: "Change the spec, or the installation's configuration.",
    });
  }
  if (sandbox !== undefined && sandbox !== settings.sandbox) {
    throw new ConflictError(
      `This server's agents run in sandbox "${settings.sandbox}", not "${sandbox}".`,
      "Stop it with `kamachiq down`, then start again with the sandbox that you want.",
    );
  }
}

/** Writes the project and its first event. The caller starts its workflow after the transaction. */
export async function insertProject(
  tx: Transaction<Database>,
  input: ProjectInput & { actor: string; sandbox: string },
): Promise<ProjectRow> {
  const { spec, plan, approve_plan = false, actor, sandbox } = input;
  const id = newProjectId(spec.name);
  const workflow_id = projectWorkflowId(id);
  const spec_digest = inputDigest(input);
  const row = await tx
    .insertInto("projects")
    .values({
      id,
      tenant: spec.tenant,
      region: spec.region,
      name: spec.name,
      spec: JSON.stringify(spec),
      spec_digest,
      state: "running",
      stage: "intake",
      sandbox,
      approve_plan,
      plan: plan === undefined ? null : JSON.stringify(plan),
      workflow_id,
      traceparent: `00-${randomBytes(16).toString("hex")}-${randomBytes(8).toString("hex")}-01`,
      created_by: actor,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  const accepted = newEvent("intake/accepted", "kamachiq.intake.accepted", id, {
    name: spec.name,
    goals: spec.goals,
    tenant: spec.tenant,
    region: spec.region,
    budget_tokens: spec.budget.tokens,
    quality_threshold: spec.quality_threshold,
    timeout_minutes: spec.timeout_minutes,
    agent: spec.agent,
    sandbox,
    spec_digest,
    actor,
  });
  await appendEvents(tx, { project_id: id, workflow_id, run_id: "" }, [accepted]);
  return row;
}

/** Records that someone took an unfinished project up again. */
export async function recordResumed(tx: Transaction<Database>, row: ProjectRow, actor: string): Promise<void> {
  const key = `intake/resumed/${randomBytes(8).toString("hex")}`;
  const event = newEvent(key, "kamachiq.intake.resumed", row.id, { actor });
  await appendEvents(tx, { project_id: row.id, workflow_id: row.workflow_id, run_id: "" }, [event]);
}

/** Unfinished projects of the same tenant with the same spec, newest first. Whoever asks at the same time waits in line. */
export async function findUnfinished(tx: Transaction<Database>, input: ProjectInput): Promise<ProjectRow[]> {
  const { spec } = input;
  const digest = inputDigest(input);
  await sql`select pg_advisory_xact_lock(hashtext('kamachiq.attach'), hashtext(${`${spec.tenant}/${digest}`}))`.execute(
    tx,
  );
  return tx
    .selectFrom("projects")
    .selectAll()
    .where("spec_digest", "=", digest)
    .where("tenant", "=", spec.tenant)
    .where("finished_at", "is", null)
    .orderBy("created_at", "desc")
    .limit(20)
    .execute();
}

export async function getProject(db: Db, id: string): Promise<ProjectRow> {
  const row = await db.selectFrom("projects").selectAll().where("id", "=", id).executeTakeFirst();
  if (row === undefined) throw new NotFoundError("project", id, "`kamachiq status` lists them.");
  return row;
}

/** Starts the project's workflow; one that was started already, even if it has ended, is left alone. */
export async function startProjectWorkflow(
  temporal: Client,
  project: Pick<ProjectRow, "id" | "tenant" | "region" | "workflow_id" | "approve_plan">,
): Promise<void> {
  const { id, region, approve_plan } = project;
  const input: ProjectWorkflowInput = { project_id: id, region, ...(approve_plan ? { approve_plan } : {}) };
  try {
    await temporal.workflow.start("KamachiqProjectWorkflow", {
      workflowId: project.workflow_id,
      taskQueue: CONTROL_QUEUE,
      args: [input],
      workflowIdReusePolicy: "REJECT_DUPLICATE",
      workflowIdConflictPolicy: "USE_EXISTING",
      typedSearchAttributes: [
        { key: TENANT, value: project.tenant },
        { key: PROJECT, value: project.id },
        { key: REGION, value: project.region },
      ],
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}

/**
 * Starts the workflows of unfinished projects that have none, because a process ended between writing the project
 * and starting it. Returns how many projects it looked at.
 */
export async function startMissingWorkflows(db: Db, temporal: Client): Promise<number> {
  const rows = await db
    .selectFrom("projects")
    .select(["id", "tenant", "region", "workflow_id", "approve_plan"])
    .where("finished_at", "is", null)
    .orderBy("created_at")
    .limit(RECONCILED_MAX)
    .execute();
  for (const row of rows) await startProjectWorkflow(temporal, row);
  return rows.length;
}
