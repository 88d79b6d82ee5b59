import { z } from "zod";
import { Id } from "./ids.ts";

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

export const Provisioning = z.strictObject({
  repository: z.boolean().default(true),
  board: z.boolean().default(true),
  pipeline: z.boolean().default(true),
  workspace: z.boolean().default(true),
  memory: z.boolean().default(true),
});
export type Provisioning = z.infer<typeof Provisioning>;

const freeForm = z.record(z.string().max(100), z.json());

/** What an operator states: an outcome, its limits and how to know that it was reached. */
export const ProjectSpec = z.strictObject({
  $schema: z.string().max(500).optional(),
  name: Id,
  goals: z.array(z.string().trim().min(1).max(2_000)).min(1).max(100),
  context: freeForm.default({}),
  constraints: z.array(z.string().min(1).max(2_000)).max(100).default([]),
  /** Held-out checks, run by the harness alone on the merged whole; never shown to an agent. */
  acceptance: z.array(CommandCheck).max(200).default([]),
  capsule: Id.optional(),
  parameters: freeForm.default({}),
  /** Tokens and, where agents cost money, United States dollars. */
  budget: z.strictObject({
    tokens: z.int().positive().max(10_000_000_000),
    usd: z.number().positive().max(1_000_000).optional(),
  }),
  timeout_minutes: z
    .number()
    .positive()
    .max(60 * 24 * 30)
    .default(60),
  quality_threshold: z.number().min(0).max(1).default(0.8),
  max_concurrency: z.int().min(1).max(1_000).default(10),
  agent: Id.default("template"),
  tenant: Id.default("default"),
  region: Id.default("local"),
  provisioning: Provisioning.prefault({}),
});
export type ProjectSpec = z.infer<typeof ProjectSpec>;

/** The spec as anything that an agent can reach may see it: without the held-out checks. */
export type VisibleSpec = Omit<ProjectSpec, "acceptance">;

export function withoutAcceptance(spec: ProjectSpec): VisibleSpec {
  const { acceptance: _heldOut, ...visible } = spec;
  return visible;
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
