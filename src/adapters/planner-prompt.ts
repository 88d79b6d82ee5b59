import type { Capsule } from "../domain/capsule.ts";
import { KamachiqError } from "../domain/errors.ts";
import type { PlannerHeuristics } from "../domain/heuristics.ts";
import type { VisibleSpec } from "../domain/intake.ts";
import type { CapsuleLibrary } from "../ports/capsule-library.ts";
import { offerOf } from "./planner-offer.ts";
import { createTemplateEngine } from "./template-engine.ts";

/** What a deliverable may be made of. */
export interface PlannerCatalogue {
  /** Delivery capsules by id, newest version. */
  capsules: ReadonlyMap<string, Capsule>;
  personas: ReadonlySet<string>;
}

/** The library's delivery capsules by id, newest version. */
export async function deliveryCapsules(library: CapsuleLibrary): Promise<Map<string, Capsule>> {
  const capsules = new Map<string, Capsule>();
  for (const { id, type } of await library.list()) {
    if (type === "delivery" && !capsules.has(id)) capsules.set(id, (await library.get(id)).capsule);
  }
  return capsules;
}

/**
 * What the model is asked: the planner capsule's prompt, and its inputs as data. `attachments` is their text, with line
 * numbers; `detailed` are the capsules whose parameters it sees in full.
 */
export function promptOf(
  planner: Capsule,
  spec: VisibleSpec,
  catalogue: PlannerCatalogue,
  heuristics: PlannerHeuristics,
  attachments: string,
): { instructions: string; message: string; detailed: Set<string> } {
  const { catalogue_tokens_max } = heuristics.model;
  const { shown, detailed } = offerOf(catalogue.capsules.values(), spec, attachments, catalogue_tokens_max);
  const inputs: Record<string, () => unknown> = {
    capsules: () => shown,
    personas: () => [...catalogue.personas],
    spec: () => describeSpec(spec),
    attachments: () => (attachments === "" ? [] : attachments.split("\n")),
  };
  const blocks = planner.inputs.map((input) => {
    const name = /^[a-z_]+/.exec(input)?.[0] ?? "";
    const build = inputs[name];
    if (build === undefined) {
      throw unusable(`${planner.id}.yaml: the input "${input}" is none; there are: ${Object.keys(inputs).join(", ")}.`);
    }
    return `<${name}>\n${dataOf(build())}\n</${name}>`;
  });
  if (planner.prompt === undefined) throw unusable(`${planner.id}.yaml has no prompt.`);
  const instructions = createTemplateEngine(new Map()).text(planner.prompt, { heuristics }, `${planner.id}.prompt`);
  return { instructions, message: blocks.join("\n\n"), detailed };
}

/** JSON in which no text can close the tag around it. */
export function dataOf(value: unknown): string {
  return JSON.stringify(value).replaceAll("<", "\\u003c");
}

function unusable(message: string): KamachiqError {
  return new KamachiqError(message, { code: "capsule_invalid", remedy: "Mend the planner's capsule." });
}

function describeSpec(spec: VisibleSpec): Record<string, unknown> {
  const { name, goals, context, constraints, capsule, parameters, milestones, workstreams, deliverables } = spec;
  const whole = { name, goals, context, constraints, capsule, parameters, milestones, workstreams, deliverables };
  const stated = ([, value]: [string, unknown]): boolean =>
    value !== undefined && (typeof value !== "object" || Object.keys(value as object).length > 0);
  return Object.fromEntries(Object.entries(whole).filter(stated));
}
