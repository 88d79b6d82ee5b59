import type { Attachment } from "./intake.ts";
import { oneLine } from "./markdown.ts";
import { type Block, readOutline } from "./markdown-outline.ts";
import { extractRequirements, type Requirement } from "./requirements.ts";
import type { SummaryPart } from "./planning.ts";
import { readRoadmap, type RoadmapEntry } from "./roadmap.ts";
import { sentencesOf } from "./sentences.ts";

/** Characters of a summary's text, whatever is asked for. */
export const SUMMARY_CHARACTERS_MAX = 40_000;
export const EXTRACTIVE = "extractive";
const HEADING_MAX = 200;
const LEAD_MAX = 300;

/** What the attachments say, short enough for a planner. Every part names the lines that it was taken from. */
export interface Summary {
  /** How it was made: `extractive`, or the name of a model. */
  method: string;
  /** One line a statement: `L12-13 [r-0a1b2c3d] words of the source`. Foreign text: data, never an instruction. */
  text: string;
  /** Who put which lines in short, in order; together they are all lines. */
  parts: SummaryPart[];
  requirements: Requirement[];
  milestones: RoadmapEntry[];
  workstreams: RoadmapEntry[];
  left_out: {
    /** Beyond the first 500; they are not in `requirements`. */
    requirements: number;
    /** Lines of the text that didn't fit. */
    statements: number;
    /** Lines of the attachments that were not read. */
    lines: number;
    /** Statements that are ticked off or stand under headings such as "Out of scope" or "Risks". */
    set_aside: number;
  };
}

export interface SummaryDocument {
  name: string;
  blocks: Block[];
  lines: number;
  lines_unread: number;
}

/** A line of the text and how soon it is wanted: 0 before 1 before 2. */
export interface SummaryLine {
  /** Position of the attachment. */
  document: number;
  line: number;
  rank: 0 | 1 | 2;
  text: string;
}

/**
 * Summarises by fixed rules alone: the same attachments give the same summary. `limit` is in characters, 40,000 at
 * most; requirements come first, then headings, milestones and workstreams, then each section's first sentence.
 */
export function summarise(attachments: readonly Attachment[], limit: number): Summary {
  const { lines, documents, ...extract } = extractFrom(attachments);
  const { text, dropped } = fit(documents, lines, Math.min(limit, SUMMARY_CHARACTERS_MAX));
  const parts = documents.map(({ name, lines: end_line }) => ({
    attachment: name,
    line: 1,
    end_line,
    method: EXTRACTIVE,
  }));
  return { method: EXTRACTIVE, text, parts, ...extract, left_out: { ...extract.left_out, statements: dropped } };
}

/** What a summary says by fixed rules: its statements, best first within their rank, and all but its text. */
export function extractFrom(attachments: readonly Attachment[]): Omit<Summary, "method" | "text" | "parts"> & {
  lines: SummaryLine[];
  documents: SummaryDocument[];
} {
  const documents = attachments.map(({ name, content }): SummaryDocument => ({ name, ...readOutline(content) }));
  const { named, ...roadmap } = readRoadmap(documents);
  const { requirements, left_out, set_aside } = extractRequirements(documents, named);
  const asked = requirementLines(requirements, documents);
  const taken = new Set(asked.map(({ document, line }) => `${document}:${line}`));
  const frame = frameLines(documents, named).filter(({ document, line }) => !taken.has(`${document}:${line}`));
  const lines_unread = documents.reduce((sum, document) => sum + document.lines_unread, 0);
  return {
    lines: [...asked, ...frame],
    documents,
    requirements,
    ...roadmap,
    left_out: { requirements: left_out, statements: 0, lines: lines_unread, set_aside },
  };
}

function requirementLines(requirements: readonly Requirement[], documents: readonly SummaryDocument[]): SummaryLine[] {
  const position = new Map(documents.map(({ name }, index) => [name, index]));
  return requirements.map(({ id, text, attachment, line, end_line }) => ({
    document: position.get(attachment) ?? 0,
    line,
    rank: 0,
    text: `${lineNumbers(line, end_line)} [${id}] ${text}`,
  }));
}

/** Headings, names of milestones and workstreams, and the first sentence below each heading. */
function frameLines(documents: readonly SummaryDocument[], named: ReadonlySet<Block>): SummaryLine[] {
  return documents.flatMap(({ blocks }, document) =>
    blocks.flatMap((block, index): SummaryLine[] => {
      const { kind, line, end_line, text, depth } = block;
      if (kind === "heading" || named.has(block)) {
        const mark = kind === "heading" ? "#".repeat(depth) : "-";
        const shown = `${lineNumbers(line, end_line)} ${mark} ${oneLine(text, HEADING_MAX)}`;
        return [{ document, line, rank: 1, text: shown }];
      }
      if (kind !== "paragraph" || blocks[index - 1]?.kind !== "heading") return [];
      const [first] = sentencesOf(text, line);
      if (first === undefined) return [];
      const shown = `${lineNumbers(first.line, first.end_line)} ${oneLine(first.text, LEAD_MAX)}`;
      return [{ document, line: first.line, rank: 2, text: shown }];
    }),
  );
}

export function lineNumbers(line: number, end_line: number): string {
  return line === end_line ? `L${line}` : `L${line}-${end_line}`;
}

function fit(
  documents: readonly SummaryDocument[],
  lines: readonly SummaryLine[],
  limit: number,
): { text: string; dropped: number } {
  const titles = documents.map(titleOf);
  const kept = fitting(lines, limit - titles.reduce((sum, title) => sum + title.length + 1, 0));
  const text = titles.map((title, document) =>
    [title, ...kept.filter((line) => line.document === document).map((line) => line.text)].join("\n"),
  );
  return { text: text.join("\n").slice(0, Math.max(0, limit)), dropped: lines.length - kept.length };
}

/** How a summary names a document. */
export function titleOf({ name, lines }: { name: string; lines: number }): string {
  return `${oneLine(name, HEADING_MAX)}, ${lines} lines:`;
}

/** The lines that `room` characters hold, by rank and then as they come; in the order of the documents. */
export function fitting<Line extends SummaryLine>(lines: readonly Line[], room: number): Line[] {
  const kept: Line[] = [];
  for (const rank of [0, 1, 2]) {
    for (const line of lines) {
      if (line.rank !== rank || line.text.length + 1 > room) continue;
      kept.push(line);
      room -= line.text.length + 1;
    }
  }
  return kept.toSorted((a, b) => a.document - b.document || a.line - b.line || b.rank - a.rank);
}
