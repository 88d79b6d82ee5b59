import { newEvent } from "../domain/event-data.ts";
import { REGISTRIES, type Resource } from "../domain/provision.ts";
import type { AgentActivities } from "./contract.ts";
import type { ActivityDeps } from "./deps.ts";
import { projectDependencies } from "./dependencies.ts";
import { requireDecision } from "./policy.ts";
import { loadWork, type Work } from "./project.ts";
import { record } from "./transaction.ts";

/** Name and address on every commit that no agent made. */
export const COMMITTER = { name: "KAMACHIQ", email: "kamachiq@localhost" };

export function createProvisionActivities(deps: ActivityDeps): Pick<AgentActivities, "provision"> {
  const { db, log } = deps;
  return {
    async provision({ project_id, deliverable_id, decision_id }) {
      const work = await loadWork(deps, project_id, deliverable_id);
      await requireDecision(db, decision_id, {
        project_id,
        action: "deliverable.provision",
        subject_id: deliverable_id,
      });
      const resources = await makeResources(deps, work);
      const key = `provisioned/${deliverable_id}`;
      const event = newEvent(key, "kamachiq.provision.completed", `deliverable/${deliverable_id}`, { resources });
      await record(db, project_id, [event], async (tx) => {
        const rows = resources.map(({ kind, adapter, reference, summary }) => {
          return { project_id, deliverable_id, kind, adapter, reference, summary };
        });
        await tx
          .insertInto("resources")
          .values(rows)
          .onConflict((oc) => oc.doNothing())
          .execute();
      });
      log(project_id).info({ deliverable: deliverable_id, resources: resources.length }, "provisioned");
      return { resources: resources.length };
    },
  };
}

async function makeResources(deps: ActivityDeps, work: Work): Promise<Resource[]> {
  const { project, plan, deliverable, graph, repository } = work;
  const wanted = plan.provisioning;
  const resources: Resource[] = [];
  const add = (
    kind: Resource["kind"],
    adapter: string,
    made: { reference: string; created: boolean },
    summary: string,
  ) => resources.push({ kind, deliverable: deliverable.id, adapter, summary, ...made });

  if (wanted.repository) {
    const scaffold = deps.renderer.scaffold(work.capsule, deliverable.parameters, work.spec);
    const files = scaffold.filter(({ kind }) => kind === "repository" || wanted[kind]);
    const { url, tip, created } = await deps.sourceControl.createRepository(repository, files, {
      subject: "chore: provision the repository",
      trailers: { "Kamachiq-Project": project.id },
      author: COMMITTER,
      date: (await startedAt(deps, project.id)).toISOString(),
    });
    add("repository", deps.sourceControl.adapter, { reference: url, created }, `main at ${tip.slice(0, 12)}`);
    for (const { kind, path } of files) {
      if (kind !== "repository") add(kind, "file", { reference: `${url}#${path}`, created }, path);
    }
  }
  for (const { kind, packages, folder, created } of await projectDependencies(deps, work)) {
    const made = { reference: folder, created };
    add("dependencies", REGISTRIES[kind], made, `${packages} packages, without network from here on`);
  }
  if (wanted.board) {
    const cards = graph.nodes.map(({ id, description }) => ({
      task_id: id,
      title: description,
      column: "todo" as const,
    }));
    const made = await deps.board.create(project.id, deliverable.id, work.spec.name, cards);
    add("board", deps.board.adapter, made, `${cards.length} cards`);
  }
  if (wanted.memory) {
    const { goals, constraints, context } = work.spec;
    const seed = { goals, constraints, context };
    const made = await deps.memory.snapshot(project.id, project.tenant, `seed/${deliverable.id}`, seed);
    add("memory", deps.memory.adapter, made, "goals, constraints and context");
  }
  return resources;
}

/** A fixed date, so that a repeated step makes the same commit. */
async function startedAt({ db }: ActivityDeps, projectId: string): Promise<Date> {
  const { created_at } = await db
    .selectFrom("projects")
    .select("created_at")
    .where("id", "=", projectId)
    .executeTakeFirstOrThrow();
  return created_at;
}
