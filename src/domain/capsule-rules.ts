import type { Capsule } from "./capsule.ts";
import { findCycles, layer } from "./graph-order.ts";
import type { Path } from "./yaml-document.ts";

/** What is wrong with a capsule, and where in its YAML. */
export interface CapsuleProblem {
  path: Path;
  problem: string;
}

/** Names inside a capsule that stand twice or lead nowhere. `templates` are the files of its folder. */
export function capsuleProblems(capsule: Capsule, templates: { has(path: string): boolean }): CapsuleProblem[] {
  const { scaffold, tasks, uses, probes, tests, parameter_rules: rules } = capsule;
  return [
    ...(rules === undefined || templates.has(rules)
      ? []
      : [at(["parameter_rules"], `template "${rules}" is not there`)]),
    ...missingTemplates(["scaffold"], scaffold, templates),
    ...tasks.flatMap(({ files }, index) => missingTemplates(["tasks", index, "files"], files, templates)),
    ...twice("tasks", tasks),
    ...twice("probes", probes),
    ...twice("uses", uses),
    ...twice(
      "tests",
      tests.map(({ name }) => ({ id: name })),
    ),
    ...tasks.flatMap(({ id, dependencies, reads }, index) => [
      ...unknown(["tasks", index, "dependencies"], `tasks: "${id}" depends on`, dependencies, tasks),
      ...unknown(["tasks", index, "reads"], `tasks: "${id}" reads`, reads, tasks),
    ]),
    ...circles("tasks", tasks),
    ...usesProblems(capsule),
    ...substance(capsule),
    ...Object.entries(capsule.dependencies)
      .filter(([, lock]) => lock !== undefined && !scaffold.some(({ path }) => path === lock))
      .map(([kind, lock]) => at(["dependencies", kind], `dependencies: the scaffold has no file "${lock}"`)),
  ];
}

const at = (path: Path, problem: string): CapsuleProblem => ({ path, problem });

function missingTemplates(
  path: Path,
  files: readonly { template: string }[],
  templates: { has(path: string): boolean },
): CapsuleProblem[] {
  return files.flatMap(({ template }, index) =>
    templates.has(template) ? [] : [at([...path, index, "template"], `template "${template}" is not there`)],
  );
}

function usesProblems({ uses, parameters }: Capsule): CapsuleProblem[] {
  const own = Object.keys((parameters["properties"] ?? {}) as object);
  return [
    ...uses.flatMap(({ id, dependencies }, index) =>
      unknown(["uses", index, "dependencies"], `uses: "${id}" depends on`, dependencies, uses),
    ),
    ...circles("uses", uses),
    ...uses.flatMap((use, index) =>
      use.pass
        .filter((name) => !own.includes(name))
        .map((name) =>
          at(["uses", index, "pass"], `uses: "${use.id}" passes the parameter "${name}", which is not there`),
        ),
    ),
  ];
}

/** A delivery capsule has tasks and the stack that grades them, or is composed of others. */
function substance({ type, tasks, uses, stack }: Capsule): CapsuleProblem[] {
  if (type !== "delivery") return [];
  if (tasks.length > 0 && uses.length > 0) return [at(["uses"], "has tasks and uses other capsules; keep one of both")];
  if (tasks.length === 0 && uses.length === 0) return [at([], "has neither tasks nor other capsules that it uses")];
  return tasks.length > 0 && stack === undefined
    ? [at(["tasks"], "stack: names no stack, so nothing can grade its tasks")]
    : [];
}

/** Capsules that use one that is not there, or that use themselves by way of others: the whole circle is printed. */
export function compositionProblems(
  capsules: readonly Pick<Capsule, "id" | "uses">[],
): { id: string; problem: string }[] {
  const positions = new Map(capsules.map(({ id }, index) => [id, index]));
  const upstream = capsules.map(({ uses }) => uses.flatMap(({ capsule }) => positions.get(capsule) ?? []));
  const idOf = (index: number): string => capsules[index]?.id ?? "";
  return [
    ...capsules.flatMap(({ id, uses }) =>
      uses
        .filter(({ capsule }) => !positions.has(capsule))
        .map(({ capsule }) => ({ id, problem: `uses the capsule "${capsule}", which is not there` })),
    ),
    ...circlesOf(upstream).map((circle) => {
      const [first = 0] = circle;
      return { id: idOf(first), problem: `uses itself: ${[...circle, first].map(idOf).join(" → ")}` };
    }),
  ];
}

type Node = { id: string; dependencies: readonly string[] };

function circles(list: string, nodes: readonly Node[]): CapsuleProblem[] {
  const positions = new Map(nodes.map(({ id }, index) => [id, index]));
  const upstream = nodes.map(({ dependencies }) => dependencies.flatMap((id) => positions.get(id) ?? []));
  return circlesOf(upstream).map((circle) => {
    const ids = [...circle, circle[0] ?? 0].map((index) => nodes[index]?.id);
    return at([list, circle[0] ?? 0, "dependencies"], `${list}: ${ids.join(" → ")} wait for each other`);
  });
}

function circlesOf(upstream: number[][]): number[][] {
  const downstream: number[][] = upstream.map(() => []);
  for (const [node, list] of upstream.entries()) for (const from of list) downstream[from]?.push(node);
  const graph = { upstream, downstream };
  return findCycles(graph, layer(graph).held);
}

function twice(list: string, items: readonly { id: string }[]): CapsuleProblem[] {
  const ids = items.map(({ id }) => id);
  return [...new Set(ids.filter((id, index) => ids.indexOf(id) !== index))].map((id) =>
    at([list, ids.lastIndexOf(id)], `${list}: "${id}" is there twice`),
  );
}

function unknown(
  path: Path,
  said: string,
  names: readonly string[],
  items: readonly { id: string }[],
): CapsuleProblem[] {
  return names
    .filter((name) => !items.some(({ id }) => id === name))
    .map((name) => at(path, `${said} "${name}", which is not there`));
}
