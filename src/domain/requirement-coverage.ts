import type { SourceLines } from "./intake.ts";
import type { Plan } from "./plan.ts";
import type { Requirement } from "./requirements.ts";
import { stemsOf } from "./words.ts";

/** Share of a requirement's words that one passage of a deliverable must have. */
export const OVERLAP_MIN = 0.6;
/** Fewer common words than this are chance, unless the requirement has no more. */
const COMMON_MIN = 2;
/** Words of a requirement, and of a passage, that are compared. */
const STEMS_MAX = 60;
const PASSAGE_STEMS_MAX = 400;
/** Deliverables that are named for one requirement; the best ones. */
const MATCHES_MAX = 5;

/** What a deliverable says of itself. Words are compared with one passage at a time. */
export interface CoverageSubject {
  id: string;
  passages: readonly { from: string; text: string }[];
  sources: readonly SourceLines[];
}

/** Why a requirement counts as covered. `source`: the deliverable cites its lines. `words`: it says the same words. */
export interface CoverageMatch {
  requirement: string;
  deliverable: string;
  by: "source" | "words";
  /** 1 for a source; else the share of the requirement's words that the passage has. */
  overlap: number;
  /** `cites roadmap.md:20-21`, `3 of 4 words in task cli: depot, parcel, scan`. */
  reason: string;
}

export interface Coverage {
  /** By requirement, the best first; at most 5 for each. */
  matches: CoverageMatch[];
  /** Ids of the requirements that no deliverable covers, in their order. */
  uncovered: string[];
}

/**
 * Which deliverables cover which requirements. One covers a requirement if it cites one of its lines as a source, or
 * if a passage has at least 60 % of its words, and at least two; words count without endings, stop words don't.
 * A match by words is evidence, not proof: it says that the plan speaks of it, not that it is met.
 * Takes time by requirements times passages at most.
 */
export function coverRequirements(
  requirements: readonly Requirement[],
  subjects: readonly CoverageSubject[],
): Coverage {
  const passages = subjects.flatMap((subject, owner) =>
    subject.passages.map(({ from, text }) => ({ owner, from, stems: stemsOf(text, PASSAGE_STEMS_MAX) })),
  );
  const having = new Map<string, number[]>();
  for (const [index, { stems }] of passages.entries()) {
    for (const stem of stems.keys()) {
      const list = having.get(stem);
      if (list === undefined) having.set(stem, [index]);
      else list.push(index);
    }
  }
  const coverage: Coverage = { matches: [], uncovered: [] };
  for (const requirement of requirements) {
    const found = new Map<number, CoverageMatch>();
    for (const match of byWords(requirement, passages, having, subjects)) keepBest(found, match);
    for (const match of bySource(requirement, subjects)) keepBest(found, match);
    const best = [...found.values()].toSorted((a, b) => b.overlap - a.overlap || rank(a) - rank(b));
    coverage.matches.push(...best.slice(0, MATCHES_MAX));
    if (best.length === 0) coverage.uncovered.push(requirement.id);
  }
  return coverage;
}

/** What a plan's deliverables say: title, goals and parameters, and each task with its criteria. */
export function coverageSubjects(
  plan: Pick<Plan, "deliverables" | "graphs">,
  goals: (deliverable: string) => readonly string[] = () => [],
): CoverageSubject[] {
  return plan.deliverables.map(({ id, title, parameters, sources }) => ({
    id,
    sources,
    passages: [
      ...[title ?? "", ...goals(id)].filter((text) => text !== "").map((text) => ({ from: "the goal", text })),
      { from: "the parameters", text: JSON.stringify(parameters) },
      ...(plan.graphs[id]?.nodes ?? []).map((node) => ({
        from: `task ${node.id}`,
        text: [node.description, ...node.success_criteria.map(({ text }) => text)].join("\n"),
      })),
    ],
  }));
}

function rank(match: CoverageMatch): number {
  return match.by === "source" ? 0 : 1;
}

function keepBest(found: Map<number, CoverageMatch>, [owner, match]: [number, CoverageMatch]): void {
  const known = found.get(owner);
  if (known === undefined || match.by === "source" || match.overlap > known.overlap) found.set(owner, match);
}

function* bySource(
  { id, attachment, line, end_line }: Requirement,
  subjects: readonly CoverageSubject[],
): Generator<[number, CoverageMatch]> {
  for (const [owner, subject] of subjects.entries()) {
    const cited = subject.sources.find(
      (source) => source.attachment === attachment && source.line <= end_line && source.end_line >= line,
    );
    if (cited === undefined) continue;
    const lines = cited.line === cited.end_line ? `${cited.line}` : `${cited.line}-${cited.end_line}`;
    const reason = `cites ${attachment}:${lines}`;
    yield [owner, { requirement: id, deliverable: subject.id, by: "source", overlap: 1, reason }];
  }
}

function* byWords(
  requirement: Requirement,
  passages: readonly { owner: number; from: string }[],
  having: ReadonlyMap<string, readonly number[]>,
  subjects: readonly CoverageSubject[],
): Generator<[number, CoverageMatch]> {
  const stems = stemsOf(requirement.text, STEMS_MAX);
  const common = new Map<number, string[]>();
  for (const [stem, word] of stems) {
    for (const index of having.get(stem) ?? []) {
      const list = common.get(index);
      if (list === undefined) common.set(index, [word]);
      else list.push(word);
    }
  }
  for (const [index, shared] of common) {
    const overlap = shared.length / stems.size;
    if (overlap < OVERLAP_MIN || shared.length < Math.min(COMMON_MIN, stems.size)) continue;
    const { owner, from } = passages[index] ?? { owner: -1, from: "" };
    const reason = `${shared.length} of ${stems.size} words in ${from}: ${shared.slice(0, 8).join(", ")}`;
    yield [
      owner,
      { requirement: requirement.id, deliverable: subjects[owner]?.id ?? "", by: "words", overlap, reason },
    ];
  }
}
