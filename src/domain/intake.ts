import { z } from "zod";
import { Id } from "./ids.ts";
import { nameProblems } from "./intake-names.ts";

/** A condition on what a command printed. Every given field must hold. */
export const Expectation = z.strictObject({
  exit_code: z.int().min(0).max(255).default(0),
  /** Standard output, exactly, trailing white space aside. */
  stdout: z.string().max(20_000).optional(),
  stdout_contains: z.string().max(2_000).optional(),
  stderr_contains: z.string().max(2_000).optional(),
});
export type Expectation = z.infer<typeof Expectation>;

/** A command that the harness runs in the sandbox, with what it must print. `python` is the review environment's. */
export const CommandCheck = z.strictObject({
  id: Id,
  /** The criterion in words. This, and never the command, is what an agent gets as feedback. */
  text: z.string().min(1).max(500),
  run: z.array(z.string().max(4_000)).min(1).max(50),
  stdin: z.string().max(20_000).optional(),
  expect: Expectation.prefault({}),
});
export type CommandCheck = z.infer<typeof CommandCheck>;

/** A held-out check, of one deliverable or, where none is named, of each. */
export const AcceptanceCheck = CommandCheck.extend({ deliverable: Id.optional() });
export type AcceptanceCheck = z.infer<typeof AcceptanceCheck>;

export const Provisioning = z.strictObject({
  repository: z.boolean().default(true),
  board: z.boolean().default(true),
  pipeline: z.boolean().default(true),
  workspace: z.boolean().default(true),
  memory: z.boolean().default(true),
});
export type Provisioning = z.infer<typeof Provisioning>;

/** A document that the operator hands over. Its text is data: nothing in it is an instruction to anyone. */
export const Attachment = z.strictObject({
  /** Unique among the attachments; what sources cite. */
  name: z.string().regex(/^[\p{L}\p{N}][\p{L}\p{N} ._/-]{0,199}$/u),
  media_type: z.enum(["text/markdown", "text/plain"]).default("text/markdown"),
  content: z.string().max(1_000_000),
});
export type Attachment = z.infer<typeof Attachment>;

/** Characters of all attachments together. */
export const ATTACHMENTS_CHARACTERS_MAX = 3_000_000;

/** A date that something is due, or a stream that it belongs to; deliverables name them by id. */
export const Milestone = z.strictObject({
  id: Id,
  title: z.string().min(1).max(200),
  due: z.iso.date().optional(),
});
export const Workstream = z.strictObject({ id: Id, title: z.string().min(1).max(200) });

/** Lines of an attachment, from 1, that something came from. */
export const SourceLines = z.strictObject({
  attachment: z.string().max(200),
  line: z.int().positive(),
  end_line: z.int().positive(),
});
export type SourceLines = z.infer<typeof SourceLines>;

/** Where a deliverable stands in the roadmap. */
export const placing = {
  title: z.string().min(1).max(200).optional(),
  milestone: Id.optional(),
  workstream: Id.optional(),
  /** Lines of the attachments that it came from. */
  sources: z.array(SourceLines).max(200).default([]),
};

/** What becomes of two tasks that may run at once and claim the same paths: an error, or one waits for the other. */
export const Ownership = z.enum(["error", "order"]).default("error");

const freeForm = z.record(z.string().max(100), z.json());

/** One deliverable as the operator states it; the planner fills in the rest. */
export const DeliverableSpec = z.strictObject({
  id: Id,
  ...placing,
  /** Its own goals; the project's where there are none. */
  goals: z.array(z.string().trim().min(1).max(2_000)).max(100).default([]),
  capsule: Id.optional(),
  parameters: freeForm.default({}),
  dependencies: z.array(Id).max(100).default([]),
});
export type DeliverableSpec = z.infer<typeof DeliverableSpec>;

/** Tokens and, where agents cost money, United States dollars. */
export const Budget = z.strictObject({
  tokens: z.int().positive().max(10_000_000_000),
  usd: z.number().positive().max(1_000_000).optional(),
});

/** What an operator states: an outcome, its limits and how to know that it was reached. */
export const ProjectSpec = z
  .strictObject({
    $schema: z.string().max(500).optional(),
    name: Id,
    goals: z.array(z.string().trim().min(1).max(2_000)).min(1).max(100),
    context: freeForm.default({}),
    constraints: z.array(z.string().min(1).max(2_000)).max(100).default([]),
    /** Held-out checks, run by the harness alone on the merged whole; never shown to an agent. */
    acceptance: z.array(AcceptanceCheck).max(200).default([]),
    capsule: Id.optional(),
    /** Who plans. Absent: the capsules, and the configured model where no capsule covers the goals. */
    planner: z.enum(["capsule", "model"]).optional(),
    parameters: freeForm.default({}),
    milestones: z.array(Milestone).max(100).default([]),
    workstreams: z.array(Workstream).max(100).default([]),
    /** What is to be delivered, each by a capsule. Empty: the planner finds out from the goals. */
    deliverables: z.array(DeliverableSpec).max(100).default([]),
    attachments: z
      .array(Attachment)
      .max(10)
      .refine((list) => list.reduce((sum, { content }) => sum + content.length, 0) <= ATTACHMENTS_CHARACTERS_MAX, {
        error: `must have at most ${ATTACHMENTS_CHARACTERS_MAX} characters together`,
      })
      .default([]),
    budget: Budget,
    timeout_minutes: z
      .number()
      .positive()
      .max(60 * 24 * 30)
      .default(60),
    quality_threshold: z.number().min(0).max(1).default(0.8),
    max_concurrency: z.int().min(1).max(1_000).default(10),
    ownership: Ownership,
    agent: Id.default("template"),
    tenant: Id.default("default"),
    region: Id.default("local"),
    provisioning: Provisioning.prefault({}),
  })
  .superRefine((spec, context) => {
    for (const { path, message } of nameProblems(spec)) context.addIssue({ code: "custom", path, message });
  });
export type ProjectSpec = z.infer<typeof ProjectSpec>;

/** The spec as anything that an agent can reach may see it: without the held-out checks. */
export type VisibleSpec = Omit<ProjectSpec, "acceptance">;

export function withoutAcceptance(spec: ProjectSpec): VisibleSpec {
  const { acceptance: _heldOut, ...visible } = spec;
  return visible;
}

/** The spec as one of its deliverables sees it: one that the operator stated has its own name, and goals if it has some. */
export function specFor(spec: VisibleSpec, deliverable: { id: string }): VisibleSpec {
  const own = spec.deliverables.find(({ id }) => id === deliverable.id);
  if (own === undefined) return spec;
  return { ...spec, name: own.id, goals: own.goals.length > 0 ? own.goals : spec.goals };
}

/** A project's state as users see it. The last four are terminal. */
export const PROJECT_STATES = [
  "running",
  "waiting",
  "blocked",
  "paused",
  "delivered",
  "partial",
  "failed",
  "cancelled",
] as const;
export type ProjectState = (typeof PROJECT_STATES)[number];

export function isTerminal(state: ProjectState): boolean {
  return state === "delivered" || state === "partial" || state === "failed" || state === "cancelled";
}

export const STAGES = ["intake", "plan", "policy", "provision", "execute", "review", "govern", "complete"] as const;
export type Stage = (typeof STAGES)[number];
