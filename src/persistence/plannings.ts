import type { Selectable, Transaction } from "kysely";
import type { PlanningSpend } from "../domain/planning.ts";
import type { Db } from "./database.ts";
import type { Database } from "./schema.ts";

export type PlanningRow = Selectable<Database["plannings"]>;

/** Whose planning it was and what came of it. */
export interface PlanningEnd {
  tenant: string;
  /** Of the spec. */
  name: string;
  /** `planned`, or the code of the error. */
  outcome: string;
  /** SHA-256 of the plan; null where none came of it. */
  plan_digest: string | null;
}

/** Keeps what a planning cost the tenant. It belongs to no project until one is made of its plan. */
export async function recordPlanning(db: Db, end: PlanningEnd, spend: PlanningSpend): Promise<void> {
  const { model, rounds, reserve_tokens, usage } = spend;
  await db
    .insertInto("plannings")
    .values({ ...end, model, rounds, reserve_tokens, ...usage })
    .execute();
}

/** A project was made of the plan and is charged for it: of equal plannings that belong to none, the latest is its own. */
export async function assignPlanning(
  tx: Transaction<Database>,
  { tenant, plan_digest, project_id }: { tenant: string; plan_digest: string; project_id: string },
): Promise<void> {
  const latest = tx
    .selectFrom("plannings")
    .select("id")
    .where("tenant", "=", tenant)
    .where("plan_digest", "=", plan_digest)
    .where("project_id", "is", null)
    .orderBy("id", "desc")
    .limit(1)
    .forUpdate();
  await tx.updateTable("plannings").set({ project_id }).where("id", "in", latest).execute();
}

/** A tenant's plannings, newest first. */
export async function listPlannings(
  db: Db,
  tenant: string,
  { after, limit }: { after: number; limit: number },
): Promise<PlanningRow[]> {
  const query = db.selectFrom("plannings").selectAll().where("tenant", "=", tenant).orderBy("id", "desc");
  return query.offset(after).limit(limit).execute();
}
