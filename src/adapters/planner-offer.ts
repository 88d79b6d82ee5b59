import type { Capsule } from "../domain/capsule.ts";
import type { VisibleSpec } from "../domain/intake.ts";
import { stemsOf } from "../domain/words.ts";
import { countTokens } from "../platform/tokens.ts";
import { groupsMet } from "./capsule-match.ts";
import { readableSchema, signatureOf } from "./capsule-signature.ts";

/** Of the tokens for capsules, the share that short descriptions may take before a schema is shown in full. */
const CARDS_SHARE = 0.5;
/** Capsules whose parameters are shown in full. */
const DETAILED_MAX = 3;
const STEMS_MAX = 2_000;
/** A group of words that the matcher would count weighs as much as these words that only occur. */
const GROUP_WEIGHT = 3;
const GOAL_WEIGHT = 2;

/** The capsules that a model is told of. */
export interface CapsuleOffer {
  /** Best first; the last may be a text that says how many are not shown. */
  shown: (Record<string, unknown> | string)[];
  /** Ids of those whose parameters are there as JSON Schema. */
  detailed: Set<string>;
}

/** All tools that a capsule's work may use. */
export function toolsOf({ tools, tasks }: Capsule): string[] {
  return [...new Set([...tools, ...tasks.flatMap((task) => task.tools)])];
}

/**
 * The capsules that fit the spec best by their words, within `tokens_max`: each with its parameters as a short type,
 * the first few with their JSON Schema. Those that the spec names come first, then the best for each goal.
 */
export function offerOf(
  capsules: Iterable<Capsule>,
  spec: VisibleSpec,
  attachments: string,
  tokens_max: number,
): CapsuleOffer {
  const ranked = rank([...capsules], spec, attachments);
  const described: { capsule: Capsule; shown: Record<string, unknown>; tokens: number }[] = [];
  let tokens = 0;
  for (const capsule of ranked) {
    const shown = cardOf(capsule);
    const size = tokensOf(shown);
    // The first is shown whatever it takes: without any, nothing could be planned.
    if (described.length > 0 && tokens + size > tokens_max * (described.length < DETAILED_MAX ? 1 : CARDS_SHARE)) break;
    described.push({ capsule, shown, tokens: size });
    tokens += size;
  }
  const detailed = new Set<string>();
  for (const one of described.slice(0, DETAILED_MAX)) {
    const { takes: _short, ...rest } = one.shown;
    const full = { ...rest, parameters: readableSchema(one.capsule.parameters) };
    const size = tokensOf(full);
    if (tokens - one.tokens + size > tokens_max) continue;
    one.shown = full;
    tokens += size - one.tokens;
    detailed.add(one.capsule.id);
  }
  const left_out = ranked.length - described.length;
  const more = left_out === 0 ? [] : [`${left_out} more capsules, whose words fit the spec less, are not shown`];
  return { shown: [...described.map(({ shown }) => shown), ...more], detailed };
}

/** The parameters' JSON Schemas of these capsules, best fitting first, as far as `tokens_max` allows. */
export function schemasOf(capsules: Iterable<Capsule>, tokens_max: number): Map<string, Record<string, unknown>> {
  const schemas = new Map<string, Record<string, unknown>>();
  let tokens = 0;
  for (const { id, parameters } of capsules) {
    const schema = readableSchema(parameters);
    tokens += tokensOf(schema);
    if (tokens <= tokens_max) schemas.set(id, schema);
  }
  return schemas;
}

function cardOf(capsule: Capsule): Record<string, unknown> {
  const { id, version, summary, persona, capabilities, parameters } = capsule;
  const words = capabilities.map((group) => group.slice(0, 6).join(", ")).join("; ");
  return { id, version, summary, words, persona, tools: toolsOf(capsule), takes: signatureOf(parameters) };
}

function tokensOf(value: object): number {
  return countTokens(JSON.stringify(value)) + 1; // the comma
}

/** Turn by turn the best for each goal, so that no goal's capsule is crowded out by another's. */
function rank(capsules: readonly Capsule[], spec: VisibleSpec, attachments: string): Capsule[] {
  const stated = new Set([spec.capsule, ...spec.deliverables.map(({ capsule }) => capsule)]);
  const words = new Map(capsules.map((capsule) => [capsule, wordsIn(capsule)]));
  const read = [...stemsOf(attachments, STEMS_MAX).keys()];
  const texts = [...spec.goals, ...spec.deliverables.flatMap(({ goals }) => goals), spec.constraints.join(" ")];
  const turns = texts.map((text) => {
    const said = `${spec.name} ${text}`;
    const stems = [...stemsOf(said, STEMS_MAX).keys()];
    const score = (capsule: Capsule): number => {
      const own = words.get(capsule) ?? new Set();
      const common = (list: readonly string[]): number => list.filter((stem) => own.has(stem)).length;
      const met = groupsMet(said, capsule).filter((phrase) => phrase !== undefined).length;
      return GROUP_WEIGHT * GOAL_WEIGHT * met + GOAL_WEIGHT * common(stems) + common(read);
    };
    const scores = new Map(capsules.map((capsule) => [capsule, score(capsule)]));
    return capsules.toSorted((a, b) => (scores.get(b) ?? 0) - (scores.get(a) ?? 0));
  });
  const inTurn = capsules.flatMap((_, place) => turns.flatMap((turn) => turn[place] ?? []));
  return [...new Set([...capsules.filter(({ id }) => stated.has(id)), ...inTurn])];
}

function wordsIn({ id, summary, capabilities, parameters }: Capsule): Set<string> {
  const names = Object.keys((parameters["properties"] ?? {}) as object);
  const text = [id, summary, ...capabilities.flat(), ...names].join(" ").replaceAll("_", " ");
  return new Set(stemsOf(text, STEMS_MAX).keys());
}
