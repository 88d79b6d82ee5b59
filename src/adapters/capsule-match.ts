import type { Capsule } from "../domain/capsule.ts";
import { wordsOf } from "../domain/capsule-words.ts";
import { InputError } from "../domain/errors.ts";
import type { VisibleSpec } from "../domain/intake.ts";

/** A capsule that the spec asks for, and why. */
export interface Match {
  capsule: Capsule;
  reason: string;
}

/**
 * The capsules that deliver a spec: the one that it names, else for each goal the one whose every group of words is
 * met by the name and that goal, else the one that name and goals meet together.
 * Throws InputError `no_capsule` or `capsule_ambiguous`.
 */
export function matchCapsules(spec: VisibleSpec, library: readonly Capsule[]): Match[] {
  const delivery = library.filter(({ type }) => type === "delivery");
  if (spec.capsule !== undefined) {
    const named = delivery.find(({ id }) => id === spec.capsule);
    if (named === undefined) throw noCapsule(`There is no delivery capsule "${spec.capsule}".`, delivery);
    return [{ capsule: named, reason: `${named.id} ${named.version}: the spec names it` }];
  }
  const byGoal = spec.goals.map((goal) => bestMatch(`${spec.name} ${goal}`, delivery));
  const found = byGoal.filter((match) => match !== undefined);
  const together = found.length > 0 ? undefined : bestMatch(`${spec.name} ${spec.goals.join(" ")}`, delivery);
  const matches = together === undefined ? found : [together];
  if (matches.length === 0) throw noCapsule("No capsule delivers what the goals ask for.", delivery);
  return [...new Map(matches.map((match) => [match.capsule.id, match])).values()];
}

/** For each of the capsule's groups, the phrase that the text says; undefined where it says none. */
export function groupsMet(text: string, { capabilities }: Capsule): (string | undefined)[] {
  const words = wordsOf(text);
  return capabilities.map((group) => group.find((phrase) => words.includes(` ${phrase.toLowerCase()} `)));
}

function bestMatch(text: string, capsules: readonly Capsule[]): Match | undefined {
  const fitting = capsules.flatMap((capsule) => {
    const met = groupsMet(text, capsule);
    return met.length > 0 && !met.includes(undefined) ? [{ capsule, met }] : [];
  });
  const most = Math.max(0, ...fitting.map(({ met }) => met.length));
  const best = fitting.filter(({ met }) => met.length === most);
  if (best.length > 1) {
    const ids = best.map(({ capsule }) => capsule.id).join(", ");
    throw new InputError(`More than one capsule fits the goals equally well: ${ids}.`, {
      code: "capsule_ambiguous",
      remedy: `Name one as "capsule" in the spec.`,
    });
  }
  const [only] = best;
  if (only === undefined) return undefined;
  const { capsule, met } = only;
  const said = met.map((word) => `"${word}"`).join(", ");
  return { capsule, reason: `${capsule.id} ${capsule.version}: the name and goals say ${said}` };
}

function noCapsule(message: string, delivery: readonly Capsule[]): InputError {
  return new InputError(message, {
    code: "no_capsule",
    problems: delivery.map(({ id, version, summary }) => `${id} ${version}: ${summary}`),
    remedy:
      "State a goal that one of the capsules above delivers, or name it as `capsule` in the spec. Other words for the same goals can be understood by a model: configure one (KAMACHIQ_MODEL, docs/configuration.md).",
  });
}
