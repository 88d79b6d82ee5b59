import type { Capsule } from "./capsule.ts";
import { findCycles, layer } from "./graph-order.ts";

/** Names inside a capsule that stand twice or lead nowhere. `templates` are the files of its folder. */
export function capsuleProblems(capsule: Capsule, templates: { has(path: string): boolean }): string[] {
  const { scaffold, tasks, uses, probes, parameter_rules: rules } = capsule;
  const used = [...scaffold, ...tasks.flatMap((task) => task.files)].map(({ template }) => template);
  return [
    ...[...used, ...(rules === undefined ? [] : [rules])]
      .filter((template) => !templates.has(template))
      .map((template) => `template "${template}" is not there`),
    ...twice("tasks", tasks),
    ...twice("probes", probes),
    ...twice("uses", uses),
    ...tasks.flatMap((task) => unknown(`tasks: "${task.id}" depends on`, task.dependencies, tasks)),
    ...tasks.flatMap((task) => unknown(`tasks: "${task.id}" reads`, task.reads, tasks)),
    ...circles("tasks", tasks),
    ...usesProblems(capsule),
    ...substance(capsule),
    ...Object.values(capsule.dependencies)
      .filter((lock) => lock !== undefined && !scaffold.some(({ path }) => path === lock))
      .map((lock) => `dependencies: the scaffold has no file "${lock}"`),
  ];
}

function usesProblems({ uses, parameters }: Capsule): string[] {
  const own = Object.keys((parameters["properties"] ?? {}) as object);
  return [
    ...uses.flatMap((use) => unknown(`uses: "${use.id}" depends on`, use.dependencies, uses)),
    ...circles("uses", uses),
    ...uses.flatMap((use) =>
      use.pass
        .filter((name) => !own.includes(name))
        .map((name) => `uses: "${use.id}" passes the parameter "${name}", which is not there`),
    ),
  ];
}

/** A delivery capsule has tasks and the stack that grades them, or is composed of others. */
function substance({ type, tasks, uses, stack }: Capsule): string[] {
  if (type !== "delivery") return [];
  if (tasks.length > 0 && uses.length > 0) return ["has tasks and uses other capsules; keep one of both"];
  if (tasks.length === 0 && uses.length === 0) return ["has neither tasks nor other capsules that it uses"];
  return tasks.length > 0 && stack === undefined ? ["stack: names no stack, so nothing can grade its tasks"] : [];
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

function circles(list: string, nodes: readonly Node[]): string[] {
  const positions = new Map(nodes.map(({ id }, index) => [id, index]));
  const upstream = nodes.map(({ dependencies }) => dependencies.flatMap((id) => positions.get(id) ?? []));
  return circlesOf(upstream).map((circle) => {
    const ids = [...circle, circle[0] ?? 0].map((index) => nodes[index]?.id);
    return `${list}: ${ids.join(" → ")} wait for each other`;
  });
}

function circlesOf(upstream: number[][]): number[][] {
  const downstream: number[][] = upstream.map(() => []);
  for (const [node, list] of upstream.entries()) for (const from of list) downstream[from]?.push(node);
  const graph = { upstream, downstream };
  return findCycles(graph, layer(graph).held);
}

function twice(list: string, items: readonly { id: string }[]): string[] {
  const ids = items.map(({ id }) => id);
  return [...new Set(ids.filter((id, index) => ids.indexOf(id) !== index))].map(
    (id) => `${list}: "${id}" is there twice`,
  );
}

function unknown(said: string, names: readonly string[], items: readonly { id: string }[]): string[] {
  return names
    .filter((name) => !items.some(({ id }) => id === name))
    .map((name) => `${said} "${name}", which is not there`);
}
