import type { LoadedCapsule } from "../domain/capsule.ts";
import { InputError } from "../domain/errors.ts";
import { fitEstimates, type TaskTraits } from "../domain/estimate.ts";
import { ATTEMPT_MARGIN } from "../domain/execute.ts";
import { PlannerHeuristics } from "../domain/heuristics.ts";
import { specFor, type VisibleSpec } from "../domain/intake.ts";
import { orderOwners } from "../domain/graph.ts";
import type { Plan, TaskGraph, TaskNode } from "../domain/plan.ts";
import { registriesOf } from "../domain/provision.ts";
import type { TaskEstimate } from "../domain/task-estimate.ts";
import { countTokens } from "../platform/tokens.ts";
import type { CapsuleLibrary } from "../ports/capsule-library.ts";
import type { Planner } from "../ports/planner.ts";
import type { TaskHistory } from "../ports/task-history.ts";
import { checkParameters } from "./capsule-parameters.ts";
import { briefOf, capsuleWork } from "./capsule-work.ts";
import { type Draft, draftDeliverables } from "./planner-drafts.ts";

export const PLANNER = "kamachiq_project_planner";

/** A draft, expanded: its capsule with its parameters, and the tasks. */
interface Expansion {
  draft: Draft;
  loaded: LoadedCapsule;
  parameters: Record<string, unknown>;
  nodes: TaskNode[];
  estimated_tokens: number;
}

/**
 * Plans without a model: matches the spec to delivery capsules and expands their tasks. The same spec, library and
 * history, from which estimates learn, give the same plan. Throws InputError: `no_capsule`, `capsule_ambiguous`, `parameters_invalid`, `budget_too_small`,
 * `too_many_deliverables`.
 */
export function createCapsulePlanner(library: CapsuleLibrary, history?: TaskHistory): Planner {
  return {
    name: "capsule",
    async plan(spec) {
      const planner = (await library.get(PLANNER)).capsule;
      const heuristics = PlannerHeuristics.parse(planner.heuristics);
      const drafts = await draftDeliverables(spec, library);
      if (drafts.length > heuristics.deliverables_max) {
        throw new InputError(
          `The spec makes ${drafts.length} deliverables; ${heuristics.deliverables_max} are allowed.`,
          {
            code: "too_many_deliverables",
            remedy: `Split the spec, or raise deliverables_max in ${PLANNER}.yaml.`,
          },
        );
      }
      return planOf(drafts, spec, library, {
        heuristics,
        history,
        available_tokens: spec.budget.tokens,
        planner: `${planner.id} ${planner.version}`,
      });
    },
  };
}

export interface PlanTerms {
  heuristics: PlannerHeuristics;
  /** Past tasks; without them, estimates are the heuristics' alone. */
  history?: TaskHistory | undefined;
  /** What the deliverables share. */
  available_tokens: number;
  /** Id and version of the planner's capsule. */
  planner: string;
}

/** The plan of these deliverables, expanded from their capsules. Throws InputError `parameters_invalid`, `budget_too_small`. */
export async function planOf(
  drafts: readonly Draft[],
  spec: VisibleSpec,
  library: CapsuleLibrary,
  terms: PlanTerms,
): Promise<Plan> {
  const capsules = drafts.map(({ capsule }) => capsule.id);
  const samples = (await terms.history?.recent(spec.tenant, spec.agent, capsules)) ?? [];
  const estimate = fitEstimates(samples, terms.heuristics);
  const expansions: Expansion[] = [];
  for (const draft of drafts) expansions.push(await expand(draft, spec, library, { ...terms, estimate }));
  return assemble(spec, expansions, terms);
}

async function expand(
  draft: Draft,
  spec: VisibleSpec,
  library: CapsuleLibrary,
  { heuristics, estimate }: Pick<PlanTerms, "heuristics"> & { estimate: (task: TaskTraits) => TaskEstimate },
): Promise<Expansion> {
  const own = specFor(spec, draft);
  const loaded = await library.get(draft.capsule.id, draft.capsule.version);
  const parameters = checkParameters(loaded, draft.parameters, own);
  const works = loaded.capsule.tasks.map(({ id }) => capsuleWork(loaded, id, parameters, own));
  const sizes = new Map(works.flatMap(({ files }) => files.map(({ path, content }) => [path, countTokens(content)])));
  const sizeOf = (paths: readonly string[]): number => paths.reduce((sum, path) => sum + (sizes.get(path) ?? 0), 0);
  const nodes = works.map(({ task, description, criteria, reads, files, paths }): TaskNode => {
    const brief = countTokens(briefOf({ description, success_criteria: criteria }, parameters));
    const size_tokens = brief + sizeOf(reads) + sizeOf(files.map(({ path }) => path));
    const persona = task.persona ?? heuristics.personas[task.type];
    const { agent } = spec;
    const { id: capsule, version: capsule_version } = loaded.capsule;
    const traits = { agent, type: task.type, persona, capsule, capsule_version, task_id: task.id, size_tokens };
    const expected = estimate({ ...traits, checks: task.checks });
    return {
      id: task.id,
      type: task.type,
      description,
      dependencies: task.dependencies,
      estimated_tokens: tokensToReserve(expected, size_tokens * heuristics.token_safety_factor),
      persona,
      inputs: { reads },
      success_criteria: criteria,
      tools: task.tools,
      paths,
      checks: task.checks,
      estimated_seconds: expected.seconds.likely,
      size_tokens,
      estimate: expected,
    };
  });
  return {
    draft,
    loaded,
    parameters,
    nodes,
    estimated_tokens: nodes.reduce((sum, node) => sum + node.estimated_tokens, 0),
  };
}

/** What is planned is what runs: dependencies that ownership adds stand in the plan. */
function orderedIfAsked(graph: TaskGraph): TaskGraph {
  return graph.ownership === "order" ? orderOwners(graph).graph : graph;
}

/**
 * What the task's budget follows from. With its margin an attempt must get as far as nine in ten did, and never less
 * far than its measured size, however little past tasks took.
 */
function tokensToReserve({ tokens, basis }: TaskEstimate, least: number): number {
  const nine_in_ten = basis === "history" ? tokens.high / ATTEMPT_MARGIN : 0;
  return Math.ceil(Math.max(least, tokens.likely, nine_in_ten));
}

function assemble(
  spec: VisibleSpec,
  expansions: readonly Expansion[],
  { heuristics, available_tokens, planner }: PlanTerms,
): Plan {
  const estimated_tokens = expansions.reduce((sum, expansion) => sum + expansion.estimated_tokens, 0);
  const least = Math.ceil(estimated_tokens * heuristics.budget_factor);
  if (available_tokens < least) {
    throw new InputError(
      `The budget of ${available_tokens} tokens is too small: the plan is estimated at ${estimated_tokens} tokens, and with room for remediation it needs ${least}.`,
      { code: "budget_too_small", remedy: `Set budget.tokens to at least ${least}.` },
    );
  }
  const parts = expansions.map(({ draft, loaded, parameters, nodes, estimated_tokens: own }) => {
    const { capsule, digest } = loaded;
    const { id, title, milestone, workstream, sources, dependencies, persona, tools } = draft;
    const budget_tokens = Math.floor((available_tokens * own) / estimated_tokens);
    const deliverable: Plan["deliverables"][number] = {
      id,
      title,
      milestone,
      workstream,
      sources,
      persona: persona ?? capsule.persona,
      tools: tools ?? capsule.tools,
      budget_tokens,
      dependencies,
      capsule: capsule.id,
      capsule_version: capsule.version,
      capsule_digest: digest,
      parameters: parameters as Plan["deliverables"][number]["parameters"],
      registries: registriesOf(capsule.dependencies),
    };
    const { timeout_minutes, quality_threshold, ownership } = spec;
    const graph = { nodes, budget_total: budget_tokens, timeout_minutes, quality_threshold, ownership };
    return { deliverable, graph: orderedIfAsked(graph) };
  });
  return {
    revision: 1,
    planner,
    match: expansions.map(({ draft }) => draft.reason),
    deliverables: parts.map(({ deliverable }) => deliverable),
    provisioning: spec.provisioning,
    milestones: spec.milestones,
    workstreams: spec.workstreams,
    requirements: [],
    graphs: Object.fromEntries(parts.map(({ deliverable, graph }) => [deliverable.id, graph])),
    estimated_tokens,
  };
}
