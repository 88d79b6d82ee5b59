import { z } from "zod";
import { oneLine } from "./markdown.ts";
import { type Block, BLOCK_CHARACTERS_MAX } from "./markdown-outline.ts";
import { sentencesOf } from "./sentences.ts";

/** Requirements of all attachments together. */
export const REQUIREMENTS_MAX = 500;
const TEXT_MAX = 2_000;

/** `sentence` says must, shall, should, needs to or has to; `item` stands in a list or table of requirements. */
export const REQUIREMENT_KINDS = ["sentence", "item", "story", "acceptance"] as const;

/** What a document asks for, quoted from it, with the lines that say so. */
export const Requirement = z.strictObject({
  /** By its words alone, so that an edit elsewhere leaves it as it is: `r-` and 8 hexadecimal digits. */
  id: z.string().regex(/^r-[0-9a-f]{8}(?:-\d{1,3})?$/),
  kind: z.enum(REQUIREMENT_KINDS),
  text: z.string().min(1).max(TEXT_MAX),
  attachment: z.string().max(200),
  line: z.int().positive(),
  end_line: z.int().positive(),
  /** The headings that it stands under, the outermost first. */
  heading_path: z.array(z.string().max(200)).max(6),
});
export type Requirement = z.infer<typeof Requirement>;

const MODAL = /\b(?:must|shall|should|needs? to|ha(?:s|ve) to|(?:is|are) required)\b/i;
const STORY = /^as an? \S.{0,200}?,? i (?:want|need|can|would like|wish|am able)\b/i;
const SCENARIO = [/^given\b/i, /\bwhen\b/i, /\bthen\b/i];
const ASKING = new RegExp(
  [
    "requirements?|goals?|objectives?|features?|capabilit(?:y|ies)|deliverables?|scope|must[- ]haves?|use cases?|user stor(?:y|ies)",
    "constraints?|milestones?|phase \\w+|release \\d\\S*|sprint \\d+|m\\d+|work ?streams?|epics?",
  ].join("|"),
  "i",
);
const PROVING = /\b(?:acceptance|success criteria|exit criteria|definition of done)\b/i;
const NOT_ASKING =
  /\b(?:out of scope|not in scope|non-?goals?|exclusions?|won'?t have|future (?:work|ideas|versions?)|open questions?|risks?|assumptions?|glossary|references?)\b/i;
const SORTING = /^(?:id|#|no\.?|nr\.?|prio(?:rity)?|status|state|owner|due|date|milestone|work ?stream|estimate)$/i;
const ASKS = new RegExp(`(?:^|[^\\p{L}\\p{N}])(?:${ASKING.source})(?:$|[^\\p{L}\\p{N}])`, "iu");

export interface Extraction {
  requirements: Requirement[];
  /** Beyond the first 500. */
  left_out: number;
  /** Ticked off, or under headings such as "Out of scope", "Risks" or "Open questions": they ask for nothing. */
  set_aside: number;
}

interface Statement {
  kind: Requirement["kind"];
  text: string;
  line: number;
  end_line: number;
}

/**
 * What the documents ask for, by fixed rules: sentences with must, shall, should, needs to or has to; user stories;
 * given–when–then; items and rows under headings such as Requirements, Features, Acceptance or a milestone's; items
 * that a sentence of the first kind introduces. `named` are blocks that only name a milestone or workstream.
 */
export function extractRequirements(
  documents: readonly { name: string; blocks: readonly Block[] }[],
  named: ReadonlySet<Block>,
): Extraction {
  const found: Extraction = { requirements: [], left_out: 0, set_aside: 0 };
  const uses = new Map<string, number>();
  for (const { name, blocks } of documents) {
    for (const { block, statement } of statementsOf(blocks, named)) {
      if (block.checked === true || inSection(block, NOT_ASKING)) found.set_aside += 1;
      else if (found.requirements.length >= REQUIREMENTS_MAX) found.left_out += 1;
      else {
        const text = oneLine(statement.text, TEXT_MAX);
        found.requirements.push({
          ...statement,
          id: idOf(text, uses),
          text,
          attachment: name,
          heading_path: [...block.headings],
        });
      }
    }
  }
  return found;
}

function* statementsOf(
  blocks: readonly Block[],
  named: ReadonlySet<Block>,
): Generator<{ block: Block; statement: Statement }> {
  /** Depth of the block that introduces the items after it. */
  let introduced: number | undefined;
  for (const [index, block] of blocks.entries()) {
    if (block.kind !== "item" || block.depth <= (introduced ?? 0)) introduced = undefined;
    if (block.kind === "heading") continue;
    const listed = introduced !== undefined || inSection(block, ASKS);
    if (introduces(block, blocks[index + 1])) {
      if (introduced === undefined && (MODAL.test(block.text) || listed)) introduced = block.depth;
      continue;
    }
    for (const statement of block.kind === "paragraph" ? sentences(block) : whole(block, listed, named.has(block))) {
      yield { block, statement };
    }
  }
}

/** Whether a block ends in a colon and the items after it say what it means. */
function introduces(block: Block, next: Block | undefined): boolean {
  return next?.kind === "item" && next.depth > block.depth && /:\s*$/.test(block.text);
}

function inSection(block: Block, words: RegExp): boolean {
  return block.headings.some((heading) => words.test(heading));
}

function sentences(block: Block): Statement[] {
  // A line break that the text lost, in code or a tag, makes the sentences' lines uncertain: then it's the block's.
  const certain = breaks(block.text) === block.end_line - block.line;
  return sentencesOf(block.text, block.line).flatMap(({ text, line, end_line }) => {
    const kind = kindOf(oneLine(text, TEXT_MAX));
    if (kind === undefined) return [];
    return [{ kind, text, ...(certain ? { line, end_line } : { line: block.line, end_line: block.end_line }) }];
  });
}

function whole(block: Block, listed: boolean, isName: boolean): Statement[] {
  const text = oneLine(block.kind === "row" ? rowText(block) : block.text, BLOCK_CHARACTERS_MAX);
  const proving = inSection(block, PROVING);
  const kind = kindOf(text) ?? (isName ? undefined : listed || proving ? "item" : undefined);
  if (kind === undefined) return [];
  return [{ kind: proving ? "acceptance" : kind, text, line: block.line, end_line: block.end_line }];
}

/** A row's words, without the columns that number and sort it. */
function rowText({ cells = [], head = [] }: Block): string {
  return cells.filter((cell, column) => cell !== "" && !SORTING.test(head[column] ?? "")).join(" | ");
}

function kindOf(text: string): Requirement["kind"] | undefined {
  if (STORY.test(text)) return "story";
  if (SCENARIO.every((word) => word.test(text))) return "acceptance";
  return MODAL.test(text) && !text.endsWith("?") ? "sentence" : undefined;
}

/** 32 bits of FNV-1a over the words' UTF-16 units; a second requirement of the same id gets `-2`. */
function idOf(text: string, uses: Map<string, number>): string {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  let hash = 0x811c9dc5;
  const letters = words.join(" ");
  for (let index = 0; index < letters.length; index += 1) {
    hash = Math.imul(hash ^ letters.charCodeAt(index), 0x01000193);
  }
  const id = `r-${(hash >>> 0).toString(16).padStart(8, "0")}`;
  const count = (uses.get(id) ?? 0) + 1;
  uses.set(id, count);
  return count === 1 ? id : `${id}-${count}`;
}

function breaks(text: string): number {
  return text.split("\n").length - 1;
}
