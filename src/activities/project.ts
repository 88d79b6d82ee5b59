import { NotFoundError } from "../domain/errors.ts";
import type { LoadedCapsule } from "../domain/capsule.ts";
import type { ArtifactRef } from "../domain/ids.ts";
import { type ProjectSpec, specFor, type VisibleSpec, withoutAcceptance } from "../domain/intake.ts";
import { type Deliverable, Plan, type TaskGraph, type TaskNode } from "../domain/plan.ts";
import type { ActivityDeps } from "./deps.ts";

/** A project as activities need it. */
export interface Project {
  id: string;
  tenant: string;
  region: string;
  spec: ProjectSpec;
  sandbox: string;
  created_by: string;
  plan: ArtifactRef | null;
}

/** A deliverable with its graph and the very capsule version that it was planned with. */
export interface Work {
  project: Project;
  plan: Plan;
  deliverable: Deliverable;
  graph: TaskGraph;
  /** As the deliverable sees it, and anything that an agent can reach. */
  spec: VisibleSpec;
  capsule: LoadedCapsule;
  /** Id of its repository. */
  repository: string;
}

const PLANS_CACHED_MAX = 32;
const plans = new Map<string, Plan>();
const nodes = new WeakMap<TaskGraph, ReadonlyMap<string, TaskNode>>();
/** Projects whose plan stands: nothing that is read here of them changes any more. */
const PROJECTS_CACHED_MAX = 200;
const projects = new Map<string, Project & { plan: ArtifactRef }>();

export async function loadProject({ db }: Pick<ActivityDeps, "db">, id: string): Promise<Project> {
  const row = await db
    .selectFrom("projects")
    .select(["id", "tenant", "region", "spec", "sandbox", "created_by", "plan"])
    .where("id", "=", id)
    .executeTakeFirst();
  if (row === undefined) throw new NotFoundError("project", id);
  return row;
}

async function loadPlanned(deps: Pick<ActivityDeps, "db">, id: string): Promise<Project & { plan: ArtifactRef }> {
  const cached = projects.get(id);
  if (cached !== undefined) return cached;
  const { plan, ...project } = await loadProject(deps, id);
  if (plan === null) throw new NotFoundError("plan of project", id);
  return remember(projects, id, { ...project, plan }, PROJECTS_CACHED_MAX);
}

function remember<T>(cache: Map<string, T>, key: string, value: T, entries_max: number): T {
  cache.set(key, value);
  const [oldest] = cache.keys();
  if (cache.size > entries_max && oldest !== undefined) cache.delete(oldest);
  return value;
}

export async function loadPlan({ artifacts }: Pick<ActivityDeps, "artifacts">, ref: ArtifactRef): Promise<Plan> {
  const cached = plans.get(ref.digest);
  if (cached !== undefined) return cached;
  return remember(plans, ref.digest, Plan.parse(await artifacts.getJson(ref)), PLANS_CACHED_MAX);
}

export async function loadWork(deps: ActivityDeps, projectId: string, deliverableId: string): Promise<Work> {
  const project = await loadPlanned(deps, projectId);
  const plan = await loadPlan(deps, project.plan);
  const deliverable = plan.deliverables.find((candidate) => candidate.id === deliverableId);
  const graph = plan.graphs[deliverableId];
  if (deliverable === undefined || graph === undefined) throw new NotFoundError("deliverable", deliverableId);
  const { capsule: id = "", capsule_version, capsule_digest } = deliverable;
  const capsule = await deps.library.get(id, capsule_version, capsule_digest);
  const spec = specFor(withoutAcceptance(project.spec), deliverable);
  return { project, plan, deliverable, graph, spec, capsule, repository: repositoryId(projectId, deliverableId) };
}

export function taskOf({ graph }: Work, taskId: string): TaskNode {
  const known = nodes.get(graph) ?? new Map(graph.nodes.map((node) => [node.id, node]));
  nodes.set(graph, known);
  const task = known.get(taskId);
  if (task === undefined) throw new NotFoundError("task", taskId);
  return task;
}

export function repositoryId(projectId: string, deliverableId: string): string {
  return `${projectId}.${deliverableId}`;
}
