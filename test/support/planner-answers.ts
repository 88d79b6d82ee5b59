import { ProjectSpec } from "../../src/domain/intake.ts";
import type { Reply } from "./model-server.ts";

/** A second capsule, small enough for a prompt that is read in no time. */
export const SITE = `id: site
version: 2.1.0
summary: A site of one page
type: delivery
stack: docs
persona: technical_writer
tools: [git, editor]
capabilities: [[homepage]]
parameters:
  type: object
  additionalProperties: false
  required: [title]
  properties: { title: { type: string, maxLength: 40, pattern: "^[^<>]*$", description: heading of the page } }
tasks:
  - { id: page, type: docs, description: Write it, tools: [editor], checks: [compile], paths: [index.md], success_criteria: [{ id: done, text: Written }] }
`;

export const ROADMAP = "# Roadmap\n\n- A tool that adds numbers in a shell\n- A page about it\n";

/** A spec whose goals no capsule covers by its words. */
export function specOf(more: Record<string, unknown> = {}): ProjectSpec {
  return ProjectSpec.parse({
    name: "sums",
    goals: ["Something that adds numbers for people in a shell"],
    budget: { tokens: 1_000_000 },
    acceptance: [{ id: "held_out", text: "Held out", run: ["true"] }],
    ...more,
  });
}

/** What a model may answer that keeps all rules. */
export const CLI = {
  id: "sums",
  capsule: "python_cli",
  parameters: { description: "Adds numbers.", operations: ["add"] },
  persona: "developer_backend.v2",
  tools: ["git", "editor", "python", "pytest", "ruff", "coverage"],
  dependencies: [] as string[],
  sources: ["goals[0]"],
  reason: "It adds numbers in a shell.",
};
export const PAGE = {
  ...CLI,
  id: "page",
  capsule: "site",
  parameters: { title: "Sums" },
  persona: "technical_writer",
  tools: ["editor"],
};

/** A reply of these deliverables. */
export const answer = (...deliverables: object[]): Reply => ({ text: JSON.stringify({ deliverables, uncovered: [] }) });
