import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { PlanView } from "../../api/views.ts";
import { InputError } from "../../domain/errors.ts";
import type { PlanFile } from "../../domain/plan-file.ts";
import { EXIT } from "../exit-code.ts";
import type { Session } from "../session.ts";
import { readSpec } from "../spec-file.ts";
import { mermaid } from "../view/mermaid.ts";
import { planText } from "../view/plan.ts";

export interface PlanOptions {
  out?: string;
  format?: "text" | "mermaid";
}

/** `plan`: what would be done, without doing it; `--out` keeps it for `run --plan`. */
export async function plan(session: Session, file: string, options: PlanOptions): Promise<number> {
  const spec = await readSpec(resolve(file));
  const client = await session.connect();
  const view = await client.post<PlanView>("/v1/plans", { spec });
  if (options.out !== undefined) await keep(options.out, { kamachiq_plan: 1, spec, plan: view.plan });
  session.print(view, () =>
    options.format === "mermaid" ? mermaid(view) : planText(view, { dryRun: false, kept: options.out }),
  );
  return view.decisions.every((decision) => decision.allowed) ? EXIT.delivered : EXIT.blocked;
}

async function keep(path: string, content: PlanFile): Promise<void> {
  await writeFile(resolve(path), `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 }).catch((error: Error) => {
    throw new InputError(`The plan can't be written to ${path}: ${error.message}.`, { code: "plan_not_written" });
  });
}
