import { sql, type Transaction } from "kysely";
import { BudgetError } from "../domain/errors.ts";
import type { Usage } from "../domain/execute.ts";
import type { Db } from "./database.ts";
import type { Database } from "./schema.ts";

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
  if (rows.length > 0)
    await tx
      .insertInto("budgets")
      .values(rows)
      .onConflict((oc) => oc.doNothing())
      .execute();
}

/**
 * Reserves what the attempt may spend, at most `tokens_max` and at most what every scope above it has left.
 * Concurrent attempts can't overdraw together: the rows are locked in one order. A repeated call returns the first answer.
 * Fails with BudgetError when less than `tokens_min` is left.
 */
export async function reserve(db: Db, at: Attempt, tokens_min: number, tokens_max: number): Promise<number> {
  return db.transaction().execute(async (tx) => {
    const earlier = await entryOf(tx, at, "reserve");
    if (earlier !== undefined) return earlier.tokens;
    const scopes = scopesOf(at);
    const rows = await tx
      .selectFrom("budgets")
      .selectAll()
      .where("project_id", "=", at.project_id)
      .where("scope", "in", scopes)
      .orderBy("scope")
      .forUpdate()
      .execute();
    if (rows.length !== scopes.length) {
      throw new BudgetError(`Task ${at.task_id} has no budget row at every level, so nothing may be spent.`);
    }
    const left = Math.min(...rows.map((row) => row.tokens_limit - row.tokens_reserved - row.tokens_spent));
    const tokens = Math.min(left, tokens_max);
    if (tokens < tokens_min) {
      throw new BudgetError(
        `Task ${at.task_id} needs ${tokens_min} tokens for attempt ${at.attempt}, and ${Math.max(0, left)} are left.`,
        "Raise budget.tokens in the spec.",
      );
    }
    await tx
      .insertInto("ledger")
      .values({ ...at, entry: "reserve", tokens })
      .execute();
    await changeBudgets(tx, at, tokens, 0);
    return tokens;
  });
}

/** Turns the attempt's reservation into what was really used. A repeated call changes nothing. */
export async function settle(tx: Transaction<Database>, at: Attempt, usage: Usage): Promise<void> {
  if ((await entryOf(tx, at, "settle")) !== undefined) return;
  const reserved = await entryOf(tx, at, "reserve");
  if (reserved === undefined) throw new BudgetError(`Attempt ${at.attempt} of task ${at.task_id} was never reserved.`);
  const tokens = usage.input_tokens + usage.output_tokens;
  await tx
    .insertInto("ledger")
    .values({ ...at, entry: "settle", tokens, usd: usage.usd, source: usage.source })
    .execute();
  await changeBudgets(tx, at, -reserved.tokens, tokens);
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
  if ((await entryOf(tx, at, "settle")) !== undefined) return;
  const tokens = usage.input_tokens + usage.output_tokens;
  await openBudgets(
    tx,
    project_id,
    new Map([
      ["project", project_tokens],
      ["planning", reserve_tokens],
    ]),
  );
  await tx
    .insertInto("ledger")
    .values([
      { ...at, entry: "reserve", tokens: reserve_tokens },
      { ...at, entry: "settle", tokens, usd: usage.usd, source: usage.source },
    ])
    .execute();
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

async function entryOf(
  tx: Transaction<Database>,
  at: Attempt,
  entry: "reserve" | "settle",
): Promise<{ tokens: number } | undefined> {
  return tx
    .selectFrom("ledger")
    .select("tokens")
    .where("project_id", "=", at.project_id)
    .where("deliverable_id", "=", at.deliverable_id)
    .where("task_id", "=", at.task_id)
    .where("attempt", "=", at.attempt)
    .where("entry", "=", entry)
    .executeTakeFirst();
}

async function changeBudgets(tx: Transaction<Database>, at: Attempt, reserved: number, spent: number): Promise<void> {
  await tx
    .updateTable("budgets")
    .set({
      tokens_reserved: sql<number>`tokens_reserved + ${reserved}`,
      tokens_spent: sql<number>`tokens_spent + ${spent}`,
    })
    .where("project_id", "=", at.project_id)
    .where("scope", "in", scopesOf(at))
    .execute();
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
