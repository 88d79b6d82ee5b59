import type { LoadedCapsule } from "../domain/capsule.ts";
import { InputError, NotFoundError } from "../domain/errors.ts";
import { specFor, type VisibleSpec } from "../domain/intake.ts";
import type { Deliverable, Plan, TaskNode } from "../domain/plan.ts";
import { registriesOf } from "../domain/provision.ts";
import { canonicalJson } from "../platform/digest.ts";
import type { CapsuleLibrary } from "../ports/capsule-library.ts";
import { checkParameters } from "./capsule-parameters.ts";
import { capsuleWork } from "./capsule-work.ts";

/**
 * Whether a plan that came from outside can be carried out as it stands for this spec: its capsules are the installed
 * ones, its parameters are valid, its tasks are the capsule's, within the spec's budget. The graph's own rules are not
 * looked at here. Throws InputError `plan_unusable` with every problem.
 */
export async function checkGivenPlan(plan: Plan, spec: VisibleSpec, library: CapsuleLibrary): Promise<void> {
  const problems = [
    ...budgetProblems(plan, spec),
    ...(await Promise.all(plan.deliverables.map((one) => deliverableProblems(plan, one, spec, library)))).flat(),
  ];
  if (problems.length === 0) return;
  throw new InputError("This plan can't be carried out as it stands.", {
    code: "plan_unusable",
    problems,
    remedy: "Mend it, or plan again with `kamachiq plan SPEC --out FILE`.",
  });
}

function budgetProblems({ deliverables }: Plan, { budget }: VisibleSpec): string[] {
  const total = deliverables.reduce((sum, { budget_tokens }) => sum + budget_tokens, 0);
  if (total <= budget.tokens) return [];
  return [`The deliverables' budgets sum to ${total} tokens, and the spec's is ${budget.tokens}.`];
}

async function deliverableProblems(
  plan: Plan,
  deliverable: Deliverable,
  spec: VisibleSpec,
  library: CapsuleLibrary,
): Promise<string[]> {
  const { id, capsule, schedule } = deliverable;
  if (capsule === undefined) return [`${id}: names no capsule, so nothing can make it.`];
  if (deliverable.capsule_version === undefined || deliverable.capsule_digest === undefined) {
    return [`${id}: names no capsule_version and capsule_digest, so that it could become another capsule's.`];
  }
  const loaded = await installed(deliverable, library);
  if (typeof loaded === "string") return [`${id}: ${loaded}`];
  const parameters = parameterProblems(deliverable, loaded, specFor(spec, deliverable));
  const nodes = parameters.length === 0 ? (plan.graphs[id]?.nodes ?? []) : []; // what they write can't be said
  return [
    ...parameters,
    ...(schedule === undefined ? [] : ["has a schedule, and this version runs deliverables once"]),
    ...(canonicalJson(deliverable.registries) === canonicalJson(registriesOf(loaded.capsule.dependencies))
      ? []
      : [`registries must be those of the capsule: ${registriesOf(loaded.capsule.dependencies).join(", ") || "none"}`]),
    ...nodes.flatMap((node) => nodeProblems(node, deliverable, loaded, spec)),
  ].map((problem) => `${id}: ${problem}.`);
}

/** The very capsule that was planned with, or why not. */
async function installed(
  { capsule, capsule_version, capsule_digest }: Deliverable,
  library: CapsuleLibrary,
): Promise<LoadedCapsule | string> {
  try {
    return await library.get(capsule ?? "", capsule_version, capsule_digest);
  } catch (error) {
    if (error instanceof NotFoundError) return `${error.message} ${error.remedy ?? ""}`;
    throw error;
  }
}

function parameterProblems({ parameters }: Deliverable, loaded: LoadedCapsule, spec: VisibleSpec): string[] {
  try {
    const checked = checkParameters(loaded, parameters, spec);
    const missing = Object.keys(checked).filter((name) => !Object.hasOwn(parameters, name));
    return missing.length === 0
      ? []
      : [`parameters that the capsule has defaults for are missing: ${missing.join(", ")}`];
  } catch (error) {
    if (error instanceof InputError) return error.problems;
    throw error;
  }
}

function nodeProblems(node: TaskNode, deliverable: Deliverable, loaded: LoadedCapsule, spec: VisibleSpec): string[] {
  const { capsule } = loaded;
  const said = `task "${node.id}"`;
  if (node.type === "capsule") return [`${said} is a capsule; state it as a deliverable of its own`];
  const task = capsule.tasks.find(({ id }) => id === node.id);
  if (task === undefined)
    return [`${said} is no task of ${capsule.id}, which has ${capsule.tasks.map(({ id }) => id).join(", ")}`];
  const checks = task.checks.filter((check) => !node.checks.includes(check));
  if (checks.length > 0) return [`${said} leaves out checks of the capsule: ${checks.join(", ")}`];
  const { paths } = capsuleWork(loaded, node.id, deliverable.parameters, specFor(spec, deliverable));
  const unowned = paths.filter((path) => !node.paths.includes(path));
  return unowned.length === 0 ? [] : [`${said} must own what it writes: ${unowned.join(", ")}`];
}
