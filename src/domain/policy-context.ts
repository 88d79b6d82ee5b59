import { Environment } from "@marcbachmann/cel-js";
import type { PolicyContext } from "./policy.ts";
import { compilePhrases, hasHiddenCharacters, mentionsPhrase, type PhraseIndex } from "./policy-phrases.ts";

/** CEL types of the context's groups, by field. This is the whole vocabulary of a condition, beside `settings`. */
const GROUPS = {
  project: {
    name: "string",
    goals: "list<string>",
    constraints: "list<string>",
    budget_tokens: "int",
    agent: "string",
    quality_threshold: "double",
  },
  deliverable: {
    id: "string",
    persona: "string",
    tools: "list<string>",
    budget_tokens: "int",
    capsule: "string",
    registries: "list<string>",
  },
  task: { id: "string", type: "string", persona: "string", tools: "list<string>", estimated_tokens: "int" },
  release: { score: "double", verdict: "string", approved_by_person: "bool" },
} as const satisfies { [Group in GroupName]: Record<keyof PolicyContext[Group], string> };
type GroupName = "project" | "deliverable" | "task" | "release";

const SCALARS = {
  action: "string",
  tenant: "string",
  region: "string",
  actor: "string",
  sandbox: "string",
  spent_tokens: "int",
} as const satisfies Record<Exclude<keyof PolicyContext, GroupName>, string>;

/** Settings whose lists are used as phrases are compiled once: a settings list keeps its identity. */
const compiled = new WeakMap<readonly string[], PhraseIndex>();

function phrasesOf(list: readonly string[]): PhraseIndex {
  const known = compiled.get(list) ?? compilePhrases(list);
  compiled.set(list, known);
  return known;
}

// cel-js checks the fields of values whose class it knows, and takes instances of that class as they are.
class Group {
  constructor(values: object) {
    Object.assign(this, values);
  }
}
const GROUP_CLASSES = {
  project: class Project extends Group {},
  deliverable: class Deliverable extends Group {},
  task: class Task extends Group {},
  release: class Release extends Group {},
};
class Settings extends Group {}

/** Bounds of one condition as parsed. */
const LIMITS = { maxAstNodes: 400, maxDepth: 24, maxListElements: 100, maxMapEntries: 100, maxCallArguments: 4 };

const base = new Environment({ limits: LIMITS })
  .registerFunction("mentions(list<string>, list<string>): bool", (texts: string[], phrases: string[]) =>
    mentionsPhrase(texts, phrasesOf(phrases)),
  )
  .registerFunction("hidden_characters(list<string>): bool", (texts: string[]) => texts.some(hasHiddenCharacters));
for (const [name, type] of Object.entries(SCALARS)) base.registerVariable(name, type);
for (const name of Object.keys(GROUPS) as GroupName[]) {
  const ctor = GROUP_CLASSES[name];
  base.registerType(ctor.name, { ctor, fields: { ...GROUPS[name] } }).registerVariable(name, ctor.name);
}

/** A CEL environment that knows the context and these settings, and nothing else. Throws RangeError for settings without a CEL type. */
export function environmentFor(settings: Record<string, unknown>): Environment {
  const fields: Record<string, string> = {};
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(settings))
    [fields[name], values[name]] = celValue(value, `settings.${name}`);
  return base
    .clone()
    .registerType("Settings", { ctor: Settings, fields })
    .registerConstant("settings", "Settings", new Settings(values));
}

/** A JSON value with its CEL type. Lists and maps hold one type, so that a wrong use is found when the rules are loaded. */
function celValue(value: unknown, path: string): [type: string, value: unknown] {
  if (typeof value === "string") return ["string", value];
  if (typeof value === "boolean") return ["bool", value];
  if (typeof value === "number") return Number.isSafeInteger(value) ? ["int", BigInt(value)] : ["double", value];
  if (typeof value !== "object" || value === null) throw new RangeError(`${path} must not be null.`);
  const entries = Object.entries(value).map(([key, item]) => ({ key, item: celValue(item, `${path}.${key}`) }));
  if (entries.length > 1_000) throw new RangeError(`${path} has more than 1,000 entries.`);
  const types = new Set(entries.map((entry) => entry.item[0]));
  if (types.size > 1) throw new RangeError(`${path} mixes ${[...types].join(" and ")}; use one type.`);
  // An empty list or map takes the type that such settings have here: names.
  const type = entries[0]?.item[0] ?? "string";
  if (Array.isArray(value)) return [`list<${type}>`, entries.map((entry) => entry.item[1])];
  return [`map<string, ${type}>`, new Map(entries.map((entry) => [entry.key, entry.item[1]]))];
}

/** The context as CEL values: integers become `bigint`. Throws RangeError for a token count that is no whole number. */
export function celContext(context: PolicyContext): Record<string, unknown> {
  const { project, deliverable, task } = context;
  return {
    ...context,
    spent_tokens: BigInt(context.spent_tokens),
    project: new GROUP_CLASSES.project({ ...project, budget_tokens: BigInt(project.budget_tokens) }),
    deliverable: new GROUP_CLASSES.deliverable({ ...deliverable, budget_tokens: BigInt(deliverable.budget_tokens) }),
    task: new GROUP_CLASSES.task({ ...task, estimated_tokens: BigInt(task.estimated_tokens) }),
    release: new GROUP_CLASSES.release({ ...context.release }),
  };
}

/** Names and CEL types of all that a condition can read, beside `settings`: the documentation of the context. */
export function contextFields(): Record<string, string> {
  const fields: Record<string, string> = { ...SCALARS };
  for (const [group, types] of Object.entries(GROUPS))
    for (const [name, type] of Object.entries(types)) fields[`${group}.${name}`] = type;
  return fields;
}
