import { Ajv2020 } from "ajv/dist/2020.js";
import { z } from "zod";
import { InputError } from "../domain/errors.ts";
import { structureOf } from "../domain/graph-structure.ts";
import { Id } from "../domain/ids.ts";
import type { DeliverableSpec, SourceLines, VisibleSpec } from "../domain/intake.ts";
import { nearest } from "../domain/nearest.ts";
import { explainIssue, fieldName } from "../domain/zod-issues.ts";
import { printable } from "../platform/text.ts";
import type { CapsuleLibrary } from "../ports/capsule-library.ts";
import { checkParameters } from "./capsule-parameters.ts";
import type { Draft } from "./planner-drafts.ts";
import { toolsOf } from "./planner-offer.ts";
import type { PlannerCatalogue } from "./planner-prompt.ts";

/** Names that a problem lists. */
const NAMES_MAX = 50;

/** One line of foreign text: a person will read it in a terminal. */
const line = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .transform((text) => printable(text).replaceAll(/\s+/g, " ").trim());

const Answered = z.strictObject({
  id: Id,
  title: line(200).nullish(),
  milestone: Id.nullish(),
  workstream: Id.nullish(),
  capsule: Id,
  parameters: z.record(z.string().max(100), z.json()),
  persona: Id,
  tools: z.array(Id).max(50),
  dependencies: z.array(Id).max(100),
  sources: z.array(z.string().min(1).max(300)).min(1).max(100),
  reason: line(300),
});
type Answered = z.infer<typeof Answered>;

const Answer = z.strictObject({
  deliverables: z.array(Answered).max(1_000),
  uncovered: z.array(z.strictObject({ source: line(300), reason: line(300) })).max(200),
});

/** An answer that keeps the rules, as far as they can be told before it is expanded. */
export interface CheckedAnswer {
  drafts: Draft[];
  uncovered: z.infer<typeof Answer>["uncovered"];
}

/** What an answer breaks, and the capsules whose parameters it got wrong. */
export interface WrongAnswer {
  problems: string[];
  misused: Set<string>;
}

export interface AnswerRules {
  spec: VisibleSpec;
  catalogue: PlannerCatalogue;
  library: CapsuleLibrary;
  /** The planner capsule's JSON Schema. */
  schema: Record<string, unknown>;
  deliverables_max: number;
}

/** What the model wrote, as deliverables to be, or every rule that it breaks, one line each, in words that help to mend it. */
export async function checkAnswer(text: string, rules: AnswerRules): Promise<CheckedAnswer | WrongAnswer> {
  const parsed = parse(text, rules.schema);
  const wrong: WrongAnswer = { problems: [], misused: new Set() };
  if ("problems" in parsed) return { ...wrong, ...parsed };
  const { deliverables, uncovered } = parsed;
  const { problems } = wrong;
  if (deliverables.length > rules.deliverables_max) {
    problems.push(`There are ${deliverables.length} deliverables; ${rules.deliverables_max} are allowed.`);
  }
  structureOf(deliverables, "deliverable", problems);
  problems.push(...coverage(deliverables, uncovered, rules.spec));
  const drafts: Draft[] = [];
  for (const [index, answered] of deliverables.entries()) {
    const draft = await draftOf(answered, `deliverables[${index}]`, deliverables.length === 1, rules, wrong);
    if (draft !== undefined) drafts.push(draft);
  }
  return problems.length > 0 ? wrong : { drafts, uncovered };
}

function parse(text: string, schema: Record<string, unknown>): z.infer<typeof Answer> | { problems: string[] } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { problems: [`The answer is no JSON: ${(error as Error).message.slice(0, 200)}`] };
  }
  // The capsule's schema may be stricter than ours, and ours is what the code relies on.
  const ajv = new Ajv2020({ allErrors: true, strict: true });
  if (!ajv.validate(schema, value)) {
    const explain = ({ instancePath, message, params }: NonNullable<typeof ajv.errors>[number]): string =>
      `${instancePath.slice(1).replaceAll("/", ".") || "the answer"}: ${message ?? "is not valid"}${"additionalProperty" in params ? ` (${String(params["additionalProperty"]).slice(0, 60)})` : ""}`;
    return { problems: (ajv.errors ?? []).slice(0, 50).map(explain) };
  }
  const result = Answer.safeParse(value);
  if (result.success) return result.data;
  const explained = result.error.issues.flatMap((issue) => explainIssue(Answer, issue, value));
  return { problems: explained.slice(0, 50).map(({ path, message }) => `${fieldName(path)}${message}`) };
}

/** No goal is forgotten, and nothing that the operator states is left out. */
function coverage(
  deliverables: readonly Answered[],
  uncovered: readonly { source: string }[],
  { goals, deliverables: stated }: VisibleSpec,
): string[] {
  const cited = new Set([...deliverables.flatMap(({ sources }) => sources), ...uncovered.map(({ source }) => source)]);
  const forgotten =
    stated.length > 0 ? [] : goals.map((_, index) => `goals[${index}]`).filter((goal) => !cited.has(goal));
  const ids = new Set(deliverables.map(({ id }) => id));
  return [
    ...forgotten.map((goal) => `${goal} is neither among the sources of a deliverable nor in "uncovered".`),
    ...stated
      .filter(({ id }) => !ids.has(id))
      .map(({ id }) => `The spec states the deliverable "${id}", which is missing.`),
  ];
}

async function draftOf(
  answered: Answered,
  at: string,
  only: boolean,
  { spec, catalogue, library }: AnswerRules,
  { problems, misused }: WrongAnswer,
): Promise<Draft | undefined> {
  const stated = spec.deliverables.find(({ id }) => id === answered.id);
  const wanted = stated?.capsule ?? spec.capsule;
  const capsule = catalogue.capsules.get(answered.capsule);
  const named = (field: string, value: string | null | undefined, known: Iterable<string>): void => {
    const names = [...known];
    if (value === undefined || value === null || names.includes(value)) return;
    const guess = nearest(value, names);
    const few = names.slice(0, NAMES_MAX).join(", ") || "none";
    problems.push(
      `${at}.${field}: there is no "${value}"; ${guess === undefined ? `there are: ${few}` : `did you mean "${guess}"?`}`,
    );
  };
  const ids = (list: readonly { id: string }[]): string[] => list.map(({ id }) => id);
  named("capsule", answered.capsule, catalogue.capsules.keys());
  named("persona", answered.persona, catalogue.personas);
  named("milestone", answered.milestone, ids(spec.milestones));
  named("workstream", answered.workstream, ids(spec.workstreams));
  const lines = answered.sources.map((source) => sourceOf(source, spec));
  for (const [index, found] of lines.entries()) {
    if (found === undefined) problems.push(`${at}.sources[${index}]: there is no ${answered.sources[index]}.`);
  }
  if (wanted !== undefined && answered.capsule !== wanted) {
    problems.push(`${at}.capsule: the spec states the capsule "${wanted}".`);
  }
  if (capsule === undefined) return undefined;
  for (const tool of answered.tools) named("tools", tool, toolsOf(capsule));

  // What the operator states stands above what the model says.
  const parameters = { ...answered.parameters, ...statedParameters(spec, stated, capsule.id, only) };
  try {
    checkParameters(await library.get(capsule.id, capsule.version), parameters, spec);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    problems.push(...error.problems.map((problem) => `${at}.${problem}`));
    misused.add(capsule.id);
  }
  const said = `${answered.id}: ${capsule.id} ${capsule.version}, for ${answered.sources.join(", ")}: ${answered.reason}`;
  return {
    id: answered.id,
    title: stated?.title ?? answered.title ?? undefined,
    milestone: stated?.milestone ?? answered.milestone ?? undefined,
    workstream: stated?.workstream ?? answered.workstream ?? undefined,
    sources: [...(stated?.sources ?? []), ...lines.filter((found) => typeof found === "object")].slice(0, 200),
    dependencies: [...new Set([...(stated?.dependencies ?? []), ...answered.dependencies])],
    capsule,
    parameters,
    persona: answered.persona,
    // Policy decides on these, so that none of the capsule's own may be missing.
    tools: [...new Set([...capsule.tools, ...answered.tools])],
    reason: printable(said).slice(0, 500),
  };
}

/** As the spec's parameters are meant without a model too: those of the one deliverable, or by capsule. */
function statedParameters(
  spec: VisibleSpec,
  stated: DeliverableSpec | undefined,
  capsule: string,
  only: boolean,
): DeliverableSpec["parameters"] {
  if (stated !== undefined) return stated.parameters;
  return only ? spec.parameters : ((spec.parameters[capsule] ?? {}) as DeliverableSpec["parameters"]);
}

/** Lines of an attachment, `true` for a part of the spec, undefined for what is not there. */
function sourceOf(source: string, spec: VisibleSpec): SourceLines | true | undefined {
  const [, list, position] = /^(goals|constraints|deliverables)\[(\d{1,4})\]$/.exec(source) ?? [];
  if (list !== undefined) {
    return Number(position) < spec[list as "goals" | "constraints" | "deliverables"].length ? true : undefined;
  }
  const [, name, first, last = first] = /^(.+):(\d{1,7})(?:-(\d{1,7}))?$/.exec(source) ?? [];
  const attachment = spec.attachments.find((candidate) => candidate.name === name);
  if (attachment === undefined) return undefined;
  const [start, end] = [Number(first), Number(last)];
  const inside = start >= 1 && start <= end && end <= attachment.content.split("\n").length;
  return inside ? { attachment: attachment.name, line: start, end_line: end } : undefined;
}
