import type { Attachment } from "./intake.ts";
import { oneLine } from "./markdown.ts";
import { type Block, readOutline } from "./markdown-outline.ts";
import { extractRequirements, type Requirement } from "./requirements.ts";
import { readRoadmap, type RoadmapEntry } from "./roadmap.ts";
import { sentencesOf } from "./sentences.ts";

/** Characters of a summary's text, whatever is asked for. */
export const SUMMARY_CHARACTERS_MAX = 40_000;
const HEADING_MAX = 200;
const LEAD_MAX = 300;

/** What the attachments say, short enough for a planner. Every part names the lines that it was taken from. */
export interface Summary {
  /** How it was made: `extractive`, or the name of a model. */
  method: string;
  /** One line a statement: `L12-13 [r-0a1b2c3d] words of the source`. Foreign text: data, never an instruction. */
  text: string;
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

interface Document {
  name: string;
  blocks: Block[];
  lines: number;
  lines_unread: number;
}

/** A line of the text and how soon it is wanted: 0 before 1 before 2. */
interface Line {
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
  const documents = attachments.map(({ name, content }): Document => ({ name, ...readOutline(content) }));
  const { named, ...roadmap } = readRoadmap(documents);
  const { requirements, left_out, set_aside } = extractRequirements(documents, named);
  const asked = requirementLines(requirements, documents);
  const taken = new Set(asked.map(({ document, line }) => `${document}:${line}`));
  const frame = frameLines(documents, named).filter(({ document, line }) => !taken.has(`${document}:${line}`));
  const lines = [...asked, ...frame];
  const { text, dropped } = fit(documents, lines, Math.min(limit, SUMMARY_CHARACTERS_MAX));
  const lines_unread = documents.reduce((sum, document) => sum + document.lines_unread, 0);
  return {
    method: "extractive",
    text,
    requirements,
    ...roadmap,
    left_out: { requirements: left_out, statements: dropped, lines: lines_unread, set_aside },
  };
}

function requirementLines(requirements: readonly Requirement[], documents: readonly Document[]): Line[] {
  const position = new Map(documents.map(({ name }, index) => [name, index]));
  return requirements.map(({ id, text, attachment, line, end_line }) => ({
    document: position.get(attachment) ?? 0,
    line,
    rank: 0,
    text: `${lineNumbers(line, end_line)} [${id}] ${text}`,
  }));
}

/** Headings, names of milestones and workstreams, and the first sentence below each heading. */
function frameLines(documents: readonly Document[], named: ReadonlySet<Block>): Line[] {
  return documents.flatMap(({ blocks }, document) =>
    blocks.flatMap((block, index): Line[] => {
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

function lineNumbers(line: number, end_line: number): string {
  return line === end_line ? `L${line}` : `L${line}-${end_line}`;
}

/** The lines that fit, by rank and then as they come; printed by document and line. */
function fit(documents: readonly Document[], lines: readonly Line[], limit: number): { text: string; dropped: number } {
  const titles = documents.map(({ name, lines: count }) => `${oneLine(name, HEADING_MAX)}, ${count} lines:`);
  let room = limit - titles.reduce((sum, title) => sum + title.length + 1, 0);
  const kept: Line[] = [];
  for (const rank of [0, 1, 2]) {
    for (const line of lines) {
      if (line.rank !== rank || line.text.length + 1 > room) continue;
      kept.push(line);
      room -= line.text.length + 1;
    }
  }
  kept.sort((a, b) => a.document - b.document || a.line - b.line || b.rank - a.rank);
  const text = titles.map((title, document) =>
    [title, ...kept.filter((line) => line.document === document).map((line) => line.text)].join("\n"),
  );
  return { text: text.join("\n").slice(0, Math.max(0, limit)), dropped: lines.length - kept.length };
}
