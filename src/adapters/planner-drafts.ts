import type { Capsule, LoadedCapsule } from "../domain/capsule.ts";
import { InputError } from "../domain/errors.ts";
import { type DeliverableSpec, specFor, type VisibleSpec } from "../domain/intake.ts";
import type { CapsuleLibrary } from "../ports/capsule-library.ts";
import { matchCapsules } from "./capsule-match.ts";
import { checkParameters } from "./capsule-parameters.ts";
import { engineOf, scopeOf } from "./renderer-capsule.ts";

/** A deliverable to be, with the capsule that makes it and why. */
export interface Draft extends Omit<DeliverableSpec, "goals" | "capsule"> {
  capsule: Capsule;
  reason: string;
  /** The capsule's own where they are absent. */
  persona?: string | undefined;
  tools?: string[] | undefined;
}

/** The deliverables that the spec states, or else one for each capsule that its goals ask for; composed ones unfolded. */
export async function draftDeliverables(spec: VisibleSpec, library: CapsuleLibrary): Promise<Draft[]> {
  const capsules = await library.list();
  const drafts =
    spec.deliverables.length === 0
      ? fromGoals(spec, capsules)
      : spec.deliverables.map((deliverable) => fromStated(spec, deliverable, capsules));
  return unfoldDrafts(drafts, spec, library);
}

/** Each composed capsule becomes the deliverables that it uses. */
export async function unfoldDrafts(
  drafts: readonly Draft[],
  spec: VisibleSpec,
  library: CapsuleLibrary,
): Promise<Draft[]> {
  const unfolded = await Promise.all(drafts.map((draft) => unfold(draft, spec, library)));
  return joined(drafts, unfolded);
}

function fromGoals(spec: VisibleSpec, capsules: readonly Capsule[]): Draft[] {
  const matches = matchCapsules(spec, capsules);
  const [only] = matches;
  return matches.map(({ capsule, reason }) => ({
    id: matches.length === 1 ? spec.name : capsule.id,
    capsule,
    reason,
    sources: [],
    dependencies: [],
    parameters:
      capsule === only?.capsule && matches.length === 1
        ? spec.parameters
        : ((spec.parameters[capsule.id] ?? {}) as DeliverableSpec["parameters"]),
  }));
}

function fromStated(spec: VisibleSpec, deliverable: DeliverableSpec, capsules: readonly Capsule[]): Draft {
  const { goals: _goals, capsule: named, ...rest } = deliverable;
  const own = specFor(spec, deliverable);
  const matches = matchCapsules({ ...own, capsule: named }, capsules);
  const [match] = matches;
  if (match !== undefined && matches.length === 1) {
    return { ...rest, capsule: match.capsule, reason: `${deliverable.id}: ${match.reason}` };
  }
  const ids = matches.map(({ capsule }) => capsule.id).join(", ");
  throw new InputError(`The goals of deliverable "${deliverable.id}" fit more than one capsule: ${ids}.`, {
    code: "capsule_ambiguous",
    remedy: "Name one of them as the deliverable's `capsule`, or state goals of its own for it.",
  });
}

/** A composed capsule becomes the deliverables that it uses. The library has seen to it that this ends. */
async function unfold(draft: Draft, spec: VisibleSpec, library: CapsuleLibrary): Promise<Draft[]> {
  if (draft.capsule.uses.length === 0) return [draft];
  const loaded = await library.get(draft.capsule.id, draft.capsule.version);
  const parameters = checkParameters(loaded, draft.parameters, specFor(spec, draft));
  const { title: _title, persona: _persona, tools: _tools, ...place } = draft;
  const used = await Promise.all(
    draft.capsule.uses.map(async (use) => {
      const { capsule } = await library.get(use.capsule);
      const part: Draft = {
        ...place,
        id: `${draft.id}-${use.id}`,
        capsule,
        reason: `${draft.id}-${use.id}: ${draft.capsule.id} is composed of ${capsule.id} ${capsule.version}`,
        parameters: handedOn(loaded, use, parameters, spec),
        dependencies: use.dependencies.map((id) => `${draft.id}-${id}`),
      };
      return unfold(part, spec, library);
    }),
  );
  const own = draft.capsule.uses.map(({ id }, index) => ({ id: `${draft.id}-${id}`, parts: used[index] ?? [] }));
  const inner = joined(own, used);
  // What the whole waits for, its first parts wait for.
  return inner.map((part) => (part.dependencies.length === 0 ? { ...part, dependencies: draft.dependencies } : part));
}

/** Whoever depends on a deliverable that was unfolded depends on all its parts. */
function joined(whole: readonly { id: string }[], parts: readonly Draft[][]): Draft[] {
  const partsOf = new Map(whole.map(({ id }, index) => [id, (parts[index] ?? []).map((part) => part.id)]));
  return parts.flat().map((draft) => ({
    ...draft,
    dependencies: [...new Set(draft.dependencies.flatMap((id) => partsOf.get(id) ?? [id]))],
  }));
}

function handedOn(
  loaded: LoadedCapsule,
  use: Capsule["uses"][number],
  parameters: Record<string, unknown>,
  spec: VisibleSpec,
): DeliverableSpec["parameters"] {
  const engine = engineOf(loaded);
  const scope = scopeOf(loaded, parameters, spec);
  const render = (value: unknown): unknown => {
    if (typeof value === "string") return engine.text(value, scope);
    if (Array.isArray(value)) return value.map(render);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, render(item)]));
  };
  const passed = use.pass.filter((name) => parameters[name] !== undefined).map((name) => [name, parameters[name]]);
  return { ...Object.fromEntries(passed), ...(render(use.parameters) as object) } as DeliverableSpec["parameters"];
}
