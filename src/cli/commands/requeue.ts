import type { RequeueView } from "../../api/views.ts";
import { printable } from "../../platform/text.ts";
import { EXIT } from "../exit-code.ts";
import type { Session } from "../session.ts";

/** `requeue list`: what policy blocked, why, and the way out. */
export async function listRequeue(session: Session): Promise<number> {
  const client = await session.connect();
  const { items } = await client.get<{ items: RequeueView[] }>("/v1/kamachiq/requeue", { limit: 1_000 });
  session.print({ requeue: items }, () => {
    if (items.length === 0) return "Nothing is blocked.\n";
    const lines = items.flatMap((entry) => [
      `${entry.id}  project ${entry.project_id}, deliverable ${entry.deliverable_id}`,
      ...(entry.violations.length === 0 ? entry.reasons.map((reason) => `  ${reason}`) : []),
      ...entry.violations.flatMap(({ rule, reason, remedy }) => [`  ${rule}: ${reason}`, `    → ${remedy}`]),
    ]);
    return `${printable(lines.join("\n"))}\n`;
  });
  return EXIT.delivered;
}

/** `requeue resolve`: asks policy again, or lets it through with a reason. */
export async function resolveRequeue(
  session: Session,
  id: string,
  options: { allow?: boolean; reason?: string },
): Promise<number> {
  const client = await session.connect();
  const answer = await client.post<{ id: string; project_id: string; allowed: boolean }>(
    `/v1/kamachiq/requeue/${encodeURIComponent(id)}/resolve`,
    {
      ...(options.allow === true ? { allow: true } : {}),
      ...(options.reason === undefined ? {} : { reason: options.reason }),
    },
  );
  const { project_id, allowed } = answer;
  session.print(answer, () =>
    allowed ? `It goes on. kamachiq resume ${project_id}\n` : "Policy still blocks it. kamachiq requeue list\n",
  );
  return allowed ? EXIT.delivered : EXIT.blocked;
}
