import { sql, type Transaction } from "kysely";
import { BudgetError } from "../domain/errors.ts";
import type { Usage } from "../domain/execute.ts";
import { batches } from "./batches.ts";
import type { Db } from "./database.ts";
import type { Database } from "./schema.ts";

/** Rows of one statement. */
const ROWS_MAX = 5_000;

/** Whose tokens: one attempt of one task. */
export interface Attempt {
  project_id: string;
  deliverable_id: string;
  task_id: string;
  attempt: number;
}

function scopesOf(at: Attempt): string[] {
  return ["project", `deliverable/${at.deliverable_id}`, `task/${at.deliverable_id}/${at.task_id}`];
}

/** Opens budget rows; rows that are there stay as they are. Without a row nothing can be spent. */
export async function openBudgets(
  tx: Transaction<Database>,
  projectId: string,
  limits: Map<string, number>,
): Promise<void> {
  const rows = [...limits].map(([scope, tokens_limit]) => ({ project_id: projectId, scope, tokens_limit }));
  for (const part of batches(rows, ROWS_MAX)) {
    await tx
      .insertInto("budgets")
      .values(part)
      .onConflict((oc) => oc.doNothing())
      .execute();
  }
}

/**
 * Reserves what the attempt may spend, at most `tokens_max` and at most what every scope above it has left.
 * Concurrent attempts can't overdraw together: the rows are locked. A repeated call returns the first answer.
 * Fails with BudgetError when less than `tokens_min` is left.
 */
export async function reserve(
  tx: Transaction<Database>,
  at: Attempt,
  tokens_min: number,
  tokens_max: number,
): Promise<number> {
  const { rows } = await sql<{ tokens: number | null }>`
    select reserve_tokens(${at.project_id}, ${at.deliverable_id}, ${at.task_id}, ${at.attempt}, ${scopesOf(at)},
                          ${tokens_min}, ${tokens_max}) as tokens`.execute(tx);
  const tokens = rows[0]?.tokens ?? null;
  if (tokens === null) {
    throw new BudgetError(`Task ${at.task_id} has no budget row at every level, so nothing may be spent.`);
  }
  if (tokens >= 0) return tokens;
  throw new BudgetError(
    `Task ${at.task_id} needs ${tokens_min} tokens for attempt ${at.attempt}, and ${-1 - tokens} are left.`,
    "Raise budget.tokens in the spec.",
  );
}

/** Turns the attempt's reservation into what was really used. A repeated call changes nothing. */
export async function settle(tx: Transaction<Database>, at: Attempt, usage: Usage): Promise<void> {
  const tokens = usage.input_tokens + usage.output_tokens;
  await sql`
    select settle_tokens(${at.project_id}, ${at.deliverable_id}, ${at.task_id}, ${at.attempt}, ${scopesOf(at)},
                         ${tokens}, ${usage.usd}, ${usage.source})`.execute(tx);
}

/** Who the ledger says spent tokens on the plan; no task can have this id beside no deliverable. */
const PLANNING = { deliverable_id: "", task_id: "planning" };

/** What an attempt at planning cost. */
export interface PlanningCharge {
  /** From 1. */
  attempt: number;
  reserve_tokens: number;
  /** The project's budget. */
  project_tokens: number;
  usage: Usage;
}

/**
 * Charges what asking for the plan cost, whatever came of it, against a reserve of its own and the project. A repeated
 * call changes nothing.
 */
export async function chargePlanning(
  tx: Transaction<Database>,
  project_id: string,
  { attempt, reserve_tokens, project_tokens, usage }: PlanningCharge,
): Promise<void> {
  const at = { project_id, ...PLANNING, attempt };
  const tokens = usage.input_tokens + usage.output_tokens;
  await openBudgets(
    tx,
    project_id,
    new Map([
      ["project", project_tokens],
      ["planning", reserve_tokens],
    ]),
  );
  const fresh = await tx
    .insertInto("ledger")
    .values([
      { ...at, entry: "reserve", tokens: reserve_tokens },
      { ...at, entry: "settle", tokens, usd: usage.usd, source: usage.source },
    ])
    .onConflict((oc) => oc.doNothing())
    .returning("id")
    .execute();
  if (fresh.length === 0) return;
  await tx
    .updateTable("budgets")
    .set({ tokens_spent: sql<number>`tokens_spent + ${tokens}` })
    .where("project_id", "=", project_id)
    .where("scope", "in", ["project", "planning"])
    .execute();
}

/** Ends the reservations of attempts that failed or were cancelled, so that the books of a finished project balance. */
export async function releaseOpen(tx: Transaction<Database>, projectId: string): Promise<void> {
  await sql`
    insert into ledger (project_id, deliverable_id, task_id, attempt, entry, tokens)
    select project_id, deliverable_id, task_id, attempt, 'settle', 0 from ledger as open
    where project_id = ${projectId} and entry = 'reserve'
    on conflict do nothing`.execute(tx);
  await tx.updateTable("budgets").set({ tokens_reserved: 0 }).where("project_id", "=", projectId).execute();
}

/** What the ledger says was spent, in tokens. */
export async function spentTokens(db: Db, projectId: string): Promise<number> {
  const row = await db
    .selectFrom("ledger")
    .select((eb) => eb.fn.coalesce(eb.fn.sum<number>("tokens"), sql<number>`0`).as("tokens"))
    .where("project_id", "=", projectId)
    .where("entry", "=", "settle")
    .executeTakeFirstOrThrow();
  return Number(row.tokens);
}

/** The same from the project's budget row, however long the ledger is; 0 before there is one. */
export async function projectSpent(db: Db, projectId: string): Promise<number> {
  const row = await db
    .selectFrom("budgets")
    .select("tokens_spent")
    .where("project_id", "=", projectId)
    .where("scope", "=", "project")
    .executeTakeFirst();
  return row?.tokens_spent ?? 0;
}
