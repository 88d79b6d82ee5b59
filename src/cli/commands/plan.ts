import { resolve } from "node:path";
import type { PlanView } from "../../api/views.ts";
import { EXIT } from "../exit-code.ts";
import type { Session } from "../session.ts";
import { readSpec } from "../spec-file.ts";
import { planText } from "../view/plan.ts";

/** `plan`: what would be done, without doing it. */
export async function plan(session: Session, file: string): Promise<number> {
  const spec = await readSpec(resolve(file));
  const client = await session.connect();
  const view = await client.post<PlanView>("/v1/plans", { spec });
  session.print(view, () => planText(view, { dryRun: false }));
  return view.decisions.every((decision) => decision.allowed) ? EXIT.delivered : EXIT.blocked;
}
