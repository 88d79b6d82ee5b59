import { findCycles, layer } from "./graph-order.ts";
import { PlannerOutput } from "./plan.ts";
import { type Problem, readDocument } from "./yaml-document.ts";

/** The blueprint's names of what is provisioned, and ours. */
const PROVISIONING = new Map([
  ["repositories", "repository"],
  ["boards", "board"],
  ["pipelines", "pipeline"],
  ["environments", "workspace"],
]);

export interface PlannerOutputImport {
  output: PlannerOutput;
  /** What the document says and the plan has no room for. */
  notes: string[];
}

/**
 * Reads a planner's output as the blueprint prints it, from JSON or YAML 1.2; `provisioning` may use the blueprint's
 * names, as switches or as lists, or ours. Throws InputError `planner_output_invalid` with every problem at once, each
 * as `FILE:LINE: field: what is wrong; what to do`. `filename` is only named, never opened.
 */
export function importPlannerOutput(text: string, filename: string): PlannerOutputImport {
  const notes: string[] = [];
  const output = readDocument(text, filename, {
    schema: Checked,
    noun: "planner output",
    code: "planner_output_invalid",
    remedy: 'Mend the lines named above; {"deliverables": [{"id", "persona", "tools", "budget_tokens"}]} is the least.',
    prepare: (value) => withOurNames(value, notes),
  });
  return { output, notes };
}

/** A planner output's `provisioning` in our names; what a list names is noted. Anything else stays as it is. */
export function withOurNames(value: unknown, notes: string[] = []): { value: unknown; problems: Problem[] } {
  const stated = isMap(value) ? value["provisioning"] : undefined;
  if (!isMap(value) || !isMap(stated)) return { value, problems: [] };
  const problems: Problem[] = [];
  const entries = Object.entries(stated).map(([name, want]): [string, unknown] => {
    const ours = PROVISIONING.get(name);
    if (ours === undefined) return [name, want];
    const problem = (message: string): void => void problems.push({ path: ["provisioning", name], message });
    if (Object.hasOwn(stated, ours)) problem(`says the same as ${ours}; keep one of them`);
    if (Array.isArray(want)) {
      if (want.length > 0)
        notes.push(`provisioning.${name} lists ${want.length}: each deliverable gets one of its own`);
      return [ours, want.length > 0];
    }
    if (typeof want !== "boolean") problem("must be true, false or a list");
    return [ours, want === true];
  });
  return { value: { ...value, provisioning: Object.fromEntries(entries) }, problems };
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const Checked = PlannerOutput.superRefine(({ deliverables }, context) => {
  const position = new Map<string, number>();
  const fail = (message: string, ...path: PropertyKey[]): void =>
    context.addIssue({ code: "custom", message, path: ["deliverables", ...path] });
  for (const [index, { id }] of deliverables.entries()) {
    if (position.has(id)) fail(`"${id}" is there twice; give each an id of its own`, index, "id");
    else position.set(id, index);
  }
  const upstream = deliverables.map(({ id, dependencies }, index) =>
    dependencies.flatMap((dependency, at) => {
      const from = position.get(dependency);
      if (dependency === id) fail("depends on itself; remove it", index, "dependencies", at);
      else if (from === undefined)
        fail(`there is no deliverable "${dependency}"; name one of the file's`, index, "dependencies", at);
      return from === undefined || from === index ? [] : [from];
    }),
  );
  const downstream: number[][] = deliverables.map(() => []);
  for (const [index, before] of upstream.entries()) for (const from of before) downstream[from]?.push(index);
  const graph = { upstream, downstream };
  for (const cycle of findCycles(graph, layer(graph).held)) {
    const ids = [...cycle, cycle[0] ?? 0].map((index) => deliverables[index]?.id).reverse();
    fail(`${ids.join(" → ")} wait for each other; remove one of these dependencies`, cycle[0] ?? 0, "dependencies");
  }
});
