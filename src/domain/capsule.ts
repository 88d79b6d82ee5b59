import { z } from "zod";
import { Id } from "./ids.ts";
import { CommandCheck } from "./intake.ts";
import { isPlainPath } from "./paths.ts";
import { SuccessCriterion, TASK_TYPES } from "./plan.ts";

/** A file that is rendered. `path` is Liquid; `template` names a file inside the capsule's own folder. */
export const TemplateFile = z.strictObject({
  path: z.string().min(1).max(300),
  template: z.string().min(1).max(300),
  /** Liquid that renders to `true` where the file is wanted; absent: always. */
  when: z.string().max(500).optional(),
  /** Name of a parameter that is a list: there is one file for each of its items, which all Liquid here sees as `item`. */
  each: z.string().min(1).max(100).optional(),
});
export type TemplateFile = z.infer<typeof TemplateFile>;

/** A file of the repository's first commit, and what it provisions. */
export const ScaffoldTemplate = TemplateFile.extend({
  kind: z.enum(["repository", "pipeline", "workspace"]).default("repository"),
});

/** A task of a capsule. Texts and paths are Liquid over `parameters`, `catalog` and `spec`. */
export const CapsuleTask = z.strictObject({
  id: Id,
  type: z.enum(TASK_TYPES),
  /** Absent: the planner's heuristics name one by type. */
  persona: Id.optional(),
  description: z.string().min(1).max(2_000),
  dependencies: z.array(Id).max(100).default([]),
  tools: z.array(Id).max(50).default([]),
  paths: z.array(z.string().min(1).max(300)).max(100).default([]),
  success_criteria: z.array(SuccessCriterion).min(1).max(100),
  /** Names of built-in checks of the stack (`compile`, `tests`, `lint`, …) or ids of `probes`. */
  checks: z.array(Id).min(1).max(50),
  /** What the template agent writes; the rendered paths are the task's own, besides `paths`. */
  files: z.array(TemplateFile).max(100).default([]),
  /** Tasks before it whose files the agent reads before it writes. */
  reads: z.array(Id).max(100).default([]),
});
export type CapsuleTask = z.infer<typeof CapsuleTask>;

/** Another capsule that this one is composed of; it becomes a deliverable of its own. */
export const CapsuleUse = z.strictObject({
  id: Id,
  capsule: Id,
  /** Texts are Liquid over `parameters`, `catalog` and `spec`. */
  parameters: z.record(z.string().max(100), z.json()).default({}),
  /** Names of this capsule's own parameters that are handed on as they are. */
  pass: z.array(z.string().max(100)).max(50).default([]),
  /** Uses that must be delivered first. */
  dependencies: z.array(Id).max(50).default([]),
});
export type CapsuleUse = z.infer<typeof CapsuleUse>;

/** A command with a known answer that proves criteria by running the delivered program. All strings are Liquid. */
export const Probe = CommandCheck.extend({
  proves: z.array(Id).max(100).default([]),
  /** Liquid that renders to `true` where the probe applies; absent: always. */
  when: z.string().max(500).optional(),
});
export type Probe = z.infer<typeof Probe>;

const CAPSULE_VERSION = /^(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})$/;

/** A case that `kamachiq capsule test` delivers and looks at. */
export const CapsuleTest = z.strictObject({
  /** Also the project's name. */
  name: Id,
  /** Absent: the capsule is named, so that no goal is needed to find it. */
  goals: z.array(z.string().trim().min(1).max(2_000)).min(1).max(20).optional(),
  parameters: z.record(z.string().max(100), z.json()).default({}),
  expect: z
    .strictObject({
      /** Paths that are there in the end. */
      files: z.array(z.string().min(1).max(300)).max(500).default([]),
      /** Path → texts that the file contains. */
      contains: z.record(z.string().min(1).max(300), z.array(z.string().min(1).max(2_000)).max(50)).default({}),
    })
    .prefault({}),
});
export type CapsuleTest = z.infer<typeof CapsuleTest>;

export const Capsule = z.strictObject({
  id: Id,
  /** Semantic version of three numbers. */
  version: z.string().regex(CAPSULE_VERSION),
  summary: z.string().min(1).max(500),
  type: z.enum(["planner", "governance", "delivery"]),
  /** Stack of the evaluator that grades what it delivers, e.g. `python`. */
  stack: Id.optional(),
  /** Every group must have a word in the spec's name or goals: `[[python], [cli, "command line"]]`. */
  capabilities: z
    .array(z.array(z.string().min(1).max(60)).min(1).max(50))
    .max(20)
    .default([]),
  /** JSON Schema (2020-12) of the parameters, with defaults. */
  parameters: z.record(z.string(), z.json()).default({}),
  /** Template whose every line says what is wrong with parameters that fit the schema, e.g. names that lead nowhere. */
  parameter_rules: z.string().min(1).max(300).optional(),
  /** Data for the templates, e.g. the operations that the capsule supports. */
  catalog: z.record(z.string(), z.json()).default({}),
  inputs: z.array(z.string().max(200)).max(50).default([]),
  /** In words, or as JSON Schema where a model writes them. */
  outputs: z.union([z.array(z.string().max(200)).max(50), z.record(z.string(), z.json())]).default([]),
  persona: Id,
  tools: z.array(Id).max(50).default([]),
  /** Lock files of the scaffold, by registry: what the delivered project needs, installed when it is provisioned. */
  dependencies: z
    .strictObject({ python: z.string().min(1).max(300).optional(), node: z.string().min(1).max(300).optional() })
    .default({}),
  /** The first commit of its repository. */
  scaffold: z.array(ScaffoldTemplate).max(50).default([]),
  tasks: z.array(CapsuleTask).max(200).default([]),
  /** What it is composed of, instead of tasks. Recursion is refused. */
  uses: z.array(CapsuleUse).max(20).default([]),
  probes: z.array(Probe).max(200).default([]),
  /** Liquid over `parameters` and `catalog`: a shell line that shows the program at work in a clone. */
  try_command: z.string().max(500).optional(),
  /** Cases that prove the capsule; none: it is tested with its default parameters. */
  tests: z.array(CapsuleTest).max(50).default([]),
  policies: z.record(z.string(), z.json()).default({}),
  heuristics: z.record(z.string(), z.json()).default({}),
  prompt: z.string().max(20_000).optional(),
});
export type Capsule = z.infer<typeof Capsule>;

export const CAPSULE_LIMITS = { yaml: 1_000_000, template: 500_000, templates: 500, total: 5_000_000 } as const;

/** All that a capsule is made of, as text. Its canonical JSON is what the digest is taken of. */
export const CapsuleContent = z
  .strictObject({
    yaml: z.string().min(1).max(CAPSULE_LIMITS.yaml),
    /** Relative path → text of the template. */
    templates: z.record(
      z.string().max(300).refine(isPlainPath, { error: "is no path below the capsule's folder" }),
      z.string().max(CAPSULE_LIMITS.template),
    ),
  })
  .refine(({ templates }) => Object.keys(templates).length <= CAPSULE_LIMITS.templates, {
    path: ["templates"],
    error: `at most ${CAPSULE_LIMITS.templates} templates are allowed`,
  })
  .refine(
    ({ templates }) => Object.values(templates).reduce((sum, { length }) => sum + length, 0) <= CAPSULE_LIMITS.total,
    {
      path: ["templates"],
      error: `at most ${CAPSULE_LIMITS.total} characters are allowed in all templates together`,
    },
  );
export type CapsuleContent = z.infer<typeof CapsuleContent>;

/** A capsule as loaded: checked, with its folder of templates and the digest of all its content. */
export interface LoadedCapsule {
  capsule: Capsule;
  /** The text that it was read from. */
  yaml: string;
  /** SHA-256 over the YAML and every template file. */
  digest: string;
  /** Relative template path → text. */
  templates: Map<string, string>;
}
