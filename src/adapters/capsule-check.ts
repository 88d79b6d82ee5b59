import type { Capsule, LoadedCapsule } from "../domain/capsule.ts";
import { type CapsuleProblem, compositionProblems } from "../domain/capsule-rules.ts";
import { ambiguousWords } from "../domain/capsule-words.ts";
import { KamachiqError } from "../domain/errors.ts";
import { ProjectSpec, type VisibleSpec, withoutAcceptance } from "../domain/intake.ts";
import { checkParameters, schemaProblem } from "./capsule-parameters.ts";
import { capsuleWork } from "./capsule-work.ts";
import { createCapsuleRenderer } from "./renderer-capsule.ts";

/** Rendering of all cases of one capsule may take this long, in milliseconds, besides what was begun by then. */
const RENDER_MS_MAX = 5_000;

/** What a capsule will stand beside. */
export interface Surroundings {
  /** The other capsules in force; one of the same id is the one that it takes the place of. */
  others: readonly Capsule[];
  /** The evaluators' checks, by stack. */
  checks: ReadonlyMap<string, readonly string[]>;
}

/**
 * What is wrong with a loaded capsule besides its own names: what an author finds out before anybody plans with it.
 * Without `render` no template is tried, which only a capsule whose names are right is worth.
 */
export function capsuleFindings(
  loaded: LoadedCapsule,
  { others, checks }: Surroundings,
  { render = true } = {},
): CapsuleProblem[] {
  const { capsule } = loaded;
  const beside = others.filter(({ id }) => id !== capsule.id);
  const schema = schemaProblem(loaded);
  return [
    ...composition(capsule, beside),
    ...ambiguity(capsule, beside),
    ...checkNames(capsule, checks),
    ...(schema === undefined
      ? []
      : [{ path: ["parameters"], problem: `parameters: is no JSON Schema of 2020-12: ${schema}` }]),
    ...(schema === undefined && render ? renderings(loaded) : []),
  ];
}

/** What is wrong with all of them together that was not wrong without it; a circle may start anywhere. */
function composition(capsule: Capsule, beside: readonly Capsule[]): CapsuleProblem[] {
  const before = new Set(compositionProblems(beside).map(({ problem }) => problem));
  return compositionProblems([...beside, capsule])
    .filter(({ problem }) => !before.has(problem))
    .map(({ problem }) => ({ path: ["uses"], problem }));
}

function ambiguity(capsule: Capsule, beside: readonly Capsule[]): CapsuleProblem[] {
  if (capsule.type !== "delivery") return [];
  return beside.flatMap((other) => {
    const words = other.type === "delivery" ? ambiguousWords(capsule, other) : undefined;
    if (words === undefined) return [];
    const problem = `capabilities: "${words}" asks for ${other.id} just as much; add a group of words that only this capsule is for`;
    return [{ path: ["capabilities"], problem }];
  });
}

function checkNames({ type, stack, tasks, probes }: Capsule, known: Surroundings["checks"]): CapsuleProblem[] {
  if (type !== "delivery" || stack === undefined) return [];
  const builtIn = known.get(stack);
  if (builtIn === undefined) {
    const stacks = [...known.keys()].join(", ");
    return [{ path: ["stack"], problem: `stack: there is no evaluator for "${stack}"; there are: ${stacks}` }];
  }
  const names = new Set([...builtIn, ...probes.map(({ id }) => id)]);
  return [
    ...probes.flatMap(({ id }, index) =>
      builtIn.includes(id)
        ? [{ path: ["probes", index], problem: `probes: "${id}" is the name of a check of the stack` }]
        : [],
    ),
    ...tasks.flatMap((task, index) => [
      ...task.checks
        .filter((check) => !names.has(check))
        .map((check) => ({
          path: ["tasks", index, "checks"],
          problem: `tasks: "${task.id}" has the check "${check}", which is no probe and none of ${builtIn.join(", ")}`,
        })),
      ...task.success_criteria.flatMap(({ id, check }, at) =>
        check === undefined || task.checks.includes(check)
          ? []
          : [
              {
                path: ["tasks", index, "success_criteria", at],
                problem: `tasks: criterion "${id}" of "${task.id}" names the check "${check}", which the task does not run`,
              },
            ],
      ),
    ]),
  ];
}

/** Everything rendered once for each case. */
function renderings(loaded: LoadedCapsule): CapsuleProblem[] {
  if (loaded.capsule.type !== "delivery") return [];
  const deadline = performance.now() + RENDER_MS_MAX;
  return casesOf(loaded).flatMap(({ path, parameters, spec }) => {
    if (performance.now() > deadline) return [tooSlow(path, spec)];
    try {
      return renderAll(loaded, checkParameters(loaded, parameters, spec), spec, deadline);
    } catch (error) {
      if (!(error instanceof KamachiqError)) throw error;
      const problems = error.problems.length === 0 ? [error.message] : error.problems;
      const said =
        loaded.capsule.tests.length === 0 ? "has no case under `tests`, and the defaults do not do" : spec.name;
      return problems.map((problem) => ({ path, problem: `${said}: ${problem}` }));
    }
  });
}

/** Its own tests, or else its default parameters, each with a spec that names the capsule. */
export function casesOf({ capsule }: LoadedCapsule) {
  const { id, summary, tests } = capsule;
  const specOf = (name: string, goals: string[], parameters: VisibleSpec["parameters"]): VisibleSpec =>
    withoutAcceptance(ProjectSpec.parse({ name, goals, parameters, capsule: id, budget: { tokens: 1_000_000_000 } }));
  if (tests.length === 0) {
    return [{ path: ["parameters"], parameters: {}, spec: specOf("defaults", [summary], {}), expect: undefined }];
  }
  return tests.map(({ name, goals = [summary], parameters, expect }, index) => ({
    path: ["tests", index],
    parameters,
    spec: specOf(name, goals, parameters),
    expect,
  }));
}

function renderAll(
  loaded: LoadedCapsule,
  parameters: Record<string, unknown>,
  spec: VisibleSpec,
  deadline: number,
): CapsuleProblem[] {
  const renderer = createCapsuleRenderer();
  const parts: [path: (string | number)[], render: () => unknown][] = [
    [["scaffold"], () => renderer.scaffold(loaded, parameters, spec)],
    ...loaded.capsule.tasks.map(({ id }, index): [(string | number)[], () => unknown] => [
      ["tasks", index],
      () => capsuleWork(loaded, id, parameters, spec),
    ]),
    [["probes"], () => renderer.probes(loaded, parameters, spec)],
    [["try_command"], () => renderer.tryCommand(loaded, parameters)],
  ];
  return parts.flatMap(([path, render]) => {
    if (performance.now() > deadline) return [tooSlow(path, spec)];
    try {
      render();
      return [];
    } catch (error) {
      if (!(error instanceof KamachiqError) && !isSchemaError(error)) throw error;
      return [{ path, problem: `${spec.name}: ${(error as Error).message}` }];
    }
  });
}

function tooSlow(path: CapsuleProblem["path"], { name }: VisibleSpec): CapsuleProblem {
  return { path, problem: `${name}: rendering takes more than ${RENDER_MS_MAX / 1_000} seconds in all` };
}

/** What zod throws when a probe renders to something that is no expectation. */
function isSchemaError(error: unknown): boolean {
  return error instanceof Error && error.name === "ZodError";
}
