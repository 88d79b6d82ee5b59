import type { SourceLines, VisibleSpec } from "./intake.ts";
import type { Deliverable, Plan, PlannedRequirement } from "./plan.ts";
import { type CoverageMatch, coverageSubjects, coverRequirements } from "./requirement-coverage.ts";
import type { Requirement } from "./requirements.ts";
import type { RoadmapEntry } from "./roadmap.ts";
import type { Summary } from "./summary.ts";

const TEXT_MAX = 500;
const SOURCES_MAX = 200;
const ENTRIES_MAX = 100;

/**
 * The plan with what its attachments say of it: each deliverable cites the lines that it answers and belongs to the
 * milestone and workstream under which they stand, and every requirement names the deliverables that cover it.
 * What the operator stated is left as it is.
 */
export function withSources(plan: Plan, spec: VisibleSpec, summary: Summary): Plan {
  const goals = (id: string): readonly string[] => spec.deliverables.find((one) => one.id === id)?.goals ?? spec.goals;
  const { matches } = coverRequirements(summary.requirements, coverageSubjects(plan, goals));
  const byId = new Map(summary.requirements.map((requirement) => [requirement.id, requirement]));
  const deliverables = plan.deliverables.map((deliverable) => {
    const answered = matches
      .filter((match) => match.deliverable === deliverable.id)
      .flatMap((match) => byId.get(match.requirement) ?? []);
    return placed(deliverable, answered, summary);
  });
  return {
    ...plan,
    deliverables,
    milestones: used(deliverables, "milestone", spec.milestones, summary.milestones),
    workstreams: used(deliverables, "workstream", spec.workstreams, summary.workstreams),
    requirements: summary.requirements.map((requirement) => planned(requirement, matches)),
  };
}

function placed(deliverable: Deliverable, answered: readonly Requirement[], summary: Summary): Deliverable {
  const sources = deliverable.sources.length > 0 ? deliverable.sources : answered.slice(0, SOURCES_MAX).map(linesOf);
  return {
    ...deliverable,
    sources,
    milestone: deliverable.milestone ?? onlyEntry(sources, summary.milestones),
    workstream: deliverable.workstream ?? onlyEntry(sources, summary.workstreams),
  };
}

function linesOf({ attachment, line, end_line }: SourceLines): SourceLines {
  return { attachment, line, end_line };
}

/** The entry under which all sources stand that stand under one at all; undefined when there are several. */
function onlyEntry(sources: readonly SourceLines[], entries: readonly RoadmapEntry[]): string | undefined {
  const ids = new Set(
    sources.flatMap((source) =>
      entries
        .filter((one) => one.attachment === source.attachment && one.line <= source.line && source.line <= one.end_line)
        .map(({ id }) => id),
    ),
  );
  const [only] = ids;
  return ids.size === 1 ? only : undefined;
}

/** What the operator stated, and of the attachments what a deliverable belongs to. */
function used<Entry extends { id: string }>(
  deliverables: readonly Deliverable[],
  field: "milestone" | "workstream",
  stated: readonly Entry[],
  found: readonly RoadmapEntry[],
): Entry[] {
  const wanted = new Set(deliverables.map((deliverable) => deliverable[field]));
  const more = found
    .filter(({ id }) => wanted.has(id) && !stated.some((entry) => entry.id === id))
    .map(({ id, title, due }) => ({ id, title, ...(due === undefined ? {} : { due }) }) as unknown as Entry);
  return [...stated, ...more].slice(0, ENTRIES_MAX);
}

function planned(requirement: Requirement, matches: readonly CoverageMatch[]): PlannedRequirement {
  const { id, text } = requirement;
  return {
    id,
    text: text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX - 1)}…` : text,
    ...linesOf(requirement),
    covered_by: matches
      .filter((match) => match.requirement === id)
      .map(({ deliverable, reason }) => ({ deliverable, reason: reason.slice(0, TEXT_MAX) })),
  };
}
