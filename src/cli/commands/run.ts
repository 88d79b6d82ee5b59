import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import type { Accepted, PlanView, ProjectView } from "../../api/views.ts";
import { InputError } from "../../domain/errors.ts";
import type { ProjectSpec } from "../../domain/intake.ts";
import type { ApiClient } from "../api-client.ts";
import { EXIT, exitCodeOf } from "../exit-code.ts";
import { type PlanDocument, readPlanDocument } from "../plan-document.ts";
import type { Session } from "../session.ts";
import { readSpec } from "../spec-file.ts";
import { endingText } from "../view/ending.ts";
import { jsonRenderer, painter, plainRenderer, type Renderer, terminalRenderer } from "../view/renderer.ts";
import { watchProject } from "../watch.ts";
import { planText } from "../view/plan.ts";

export interface RunOptions {
  /** A plan file, a plan or a planner output; carried out instead of what the planner would make. */
  plan?: string;
  approve?: boolean;
  dryRun?: boolean;
  detach?: boolean;
  new?: boolean;
  sandbox?: "bubblewrap" | "none";
  maxConcurrency?: number;
}

/** `run`: from a spec to a delivered repository, shown while it happens. */
export async function run(session: Session, file: string | undefined, options: RunOptions): Promise<number> {
  const given = options.plan === undefined ? {} : await readPlanDocument(options.plan);
  const spec = await specOf(file, given);
  if (options.maxConcurrency !== undefined) spec.max_concurrency = options.maxConcurrency;
  const client = await session.connect(options.sandbox);
  const path = options.plan === undefined ? "/v1/projects" : "/v1/plans/execute";
  const request = { ...given, spec, ...(options.sandbox === undefined ? {} : { sandbox: options.sandbox }) };
  if (options.dryRun === true) {
    const plan = await client.post<PlanView>(path, { ...request, dry_run: true });
    session.print(plan, () => planText(plan, { dryRun: true }));
    return plan.decisions.every((decision) => decision.allowed) ? EXIT.delivered : EXIT.blocked;
  }
  const project = await client.post<Accepted>(
    path,
    { ...request, approve_plan: options.approve === true, attach: options.new === true ? "never" : "unfinished" },
    { "idempotency-key": randomUUID() },
  );
  if (project.resumed) session.progress(`Taking up ${project.id}, which was unfinished. --new starts another one.`);
  if (options.detach === true) {
    session.print(project, () => `${project.id}\n`);
    session.progress(`kamachiq resume ${project.id}   shows it, kamachiq status ${project.id}   how it stands`);
    return EXIT.delivered;
  }
  return watchToEnd(session, client, project);
}

async function specOf(file: string | undefined, given: PlanDocument): Promise<ProjectSpec> {
  if (file !== undefined) return readSpec(resolve(file));
  if (given.spec !== undefined) return given.spec;
  throw new InputError("No spec is named, and the plan holds none.", {
    code: "usage",
    remedy:
      "kamachiq run SPEC, or kamachiq run [SPEC] --plan FILE; `kamachiq plan SPEC --out FILE` puts both into one file.",
  });
}

/** Shows the project until its end, says how it stands and what to do next, and answers the exit code. */
export async function watchToEnd(session: Session, client: ApiClient, project: ProjectView): Promise<number> {
  const { project: last, detached } = await watchProject(session, client, project, await rendererFor(session));
  if (detached) {
    session.progress(`\nThe project goes on; \`kamachiq resume ${last.id}\` shows it again.`);
    return EXIT.interrupted;
  }
  session.print(resultDocument(last), () => endingText(last, Date.now(), painter(session.stdout)));
  return exitCodeOf(last.state);
}

function resultDocument({ id, state, reason, result, waiting_for }: ProjectView): object {
  return { result: { ...(result ?? { project_id: id, reason }), state, waiting_for } };
}

async function rendererFor(session: Session): Promise<Renderer> {
  const { stdout, json } = session;
  if (json) return jsonRenderer(stdout);
  if (stdout.isTTY !== true) return plainRenderer(stdout);
  return terminalRenderer(stdout as NodeJS.WriteStream);
}
