import { z } from "zod";

/** The sprint's rubric: share of each metric in the score. They sum to 1. */
export const RUBRIC = { completeness: 0.3, correctness: 0.4, style: 0.15, documentation: 0.15 } as const;
export type Metric = keyof typeof RUBRIC;

/** One check that ran: what, how, what came out, and what it proves. */
export const CheckResult = z.strictObject({
  check: z.string().max(100),
  /** What is checked, in words, where the check came with some. Feedback from a held-out check is this and its id. */
  text: z.string().max(500).optional(),
  metric: z.enum(["correctness", "style", "documentation"]),
  passed: z.boolean(),
  /** 0 to 1: the share that passed, for checks that count something. */
  value: z.number().min(0).max(1),
  /** A failure forbids auto-approval whatever the sum. */
  veto: z.boolean(),
  /** Ids of the success criteria that a pass proves. */
  proves: z.array(z.string()).max(200),
  command: z.string().max(4_000),
  exit_code: z.int().nullable(),
  duration_ms: z.number().nonnegative(),
  /** What was printed, bounded and stripped of control characters. */
  excerpt: z.string().max(8_000),
  /** Held-out checks never leave the harness: their command and output are left out of feedback. */
  held_out: z.boolean().default(false),
  /** Counts, such as tests, failures, mutants, killed. */
  counts: z.record(z.string(), z.number()).default({}),
});
export type CheckResult = z.infer<typeof CheckResult>;

/** One thing to mend, as an agent or a person reads it. */
export const Finding = z.strictObject({ check: z.string(), message: z.string().max(8_000) });
export type Finding = z.infer<typeof Finding>;

export const QualityReport = z.strictObject({
  subject: z.string(),
  commit: z.string().nullable(),
  score: z.number().min(0).max(1),
  threshold: z.number().min(0).max(1),
  approved: z.boolean(),
  metrics: z.record(z.enum(["completeness", "correctness", "style", "documentation"]), z.number().nullable()),
  weights: z.record(z.enum(["completeness", "correctness", "style", "documentation"]), z.number()),
  vetoes: z.array(z.string()),
  criteria: z.array(z.strictObject({ id: z.string(), text: z.string(), proven: z.boolean(), by: z.array(z.string()) })),
  evidence: z.array(CheckResult),
  findings: z.array(Finding),
  reasoning: z.string(),
  reviewer: z.string(),
  sandbox: z.string(),
});
export type QualityReport = z.infer<typeof QualityReport>;
