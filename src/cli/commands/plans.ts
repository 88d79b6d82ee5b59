import type { PlanView } from "../../api/views.ts";
import { InputError } from "../../domain/errors.ts";
import { printable } from "../../platform/text.ts";
import { EXIT } from "../exit-code.ts";
import { readPlanDocument } from "../plan-document.ts";
import type { Session } from "../session.ts";
import { planText } from "../view/plan.ts";

interface Approval {
  revision: number;
  digest: string;
  state: string;
  decided_by: string | null;
  comment: string | null;
}

interface Decided {
  project_id: string;
  revision: number;
  digest: string;
}

const path = (id: string, verb: string): string => `/v1/projects/${encodeURIComponent(id)}/${verb}`;

/** `plans show`: the plan as it stands, with its digest and who approved which revision. */
export async function showPlan(session: Session, id: string): Promise<number> {
  const client = await session.connect();
  const view = await client.get<PlanView & { approvals: Approval[] }>(path(id, "plan"));
  session.print(view, () => `${planText(view, { dryRun: false })}${approvalsText(id, view.approvals)}`);
  return EXIT.delivered;
}

function approvalsText(id: string, approvals: readonly Approval[]): string {
  const lines = approvals.map(({ revision, digest, state, decided_by, comment }) => {
    const by = decided_by === null ? "" : ` by ${decided_by}: ${comment ?? ""}`;
    return `revision ${revision}  ${digest.slice(0, 12)}  ${state === "open" ? "waits for approval" : state}${by}`;
  });
  const open = approvals.find(({ state }) => state === "open");
  if (open !== undefined) lines.push("", `kamachiq plans approve ${id} --digest ${open.digest.slice(0, 12)}`);
  return lines.length === 0 ? "" : `\n${printable(lines.join("\n"))}\n`;
}

/** `plans approve` and `plans reject`: of the plan with this digest and no other. */
export async function decidePlan(
  session: Session,
  id: string,
  decision: "approve" | "reject",
  options: { digest: string; comment?: string },
): Promise<number> {
  const client = await session.connect();
  const { digest, comment = "" } = options;
  const answer = await client.post<Decided>(path(id, "approve-plan"), { digest, decision, comment });
  const said = decision === "approve" ? "approved" : "rejected";
  session.print(answer, () => `Revision ${answer.revision} is ${said}. kamachiq resume ${answer.project_id}\n`);
  return EXIT.delivered;
}

/** `plans revise`: another plan takes the place of the one that waits. */
export async function revisePlan(
  session: Session,
  id: string,
  options: { plan: string; comment?: string },
): Promise<number> {
  const { plan } = await readPlanDocument(options.plan);
  if (plan === undefined) {
    throw new InputError(`${options.plan} holds no whole plan.`, {
      code: "plan_expected",
      remedy: "`kamachiq plan SPEC --out FILE` writes one; change that.",
    });
  }
  const client = await session.connect();
  const answer = await client.post<Decided>(path(id, "revise-plan"), { plan, comment: options.comment ?? "" });
  session.print(
    answer,
    () => `Revision ${answer.revision}, digest ${answer.digest.slice(0, 12)}, waits for approval.\n`,
  );
  return EXIT.delivered;
}
