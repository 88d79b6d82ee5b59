import { isId } from "./ids.ts";
import { oneLine } from "./markdown.ts";
import type { Block } from "./markdown-outline.ts";

/** Milestones, and likewise workstreams, of all attachments together. */
const NAMES_MAX = 100;
const TITLE_MAX = 200;

/** A milestone or workstream that a document names, and the lines that belong to it: of a heading, its section. */
export interface RoadmapEntry {
  id: string;
  title: string;
  /** Of a milestone: the date, `YYYY-MM-DD`, where one is written out. */
  due?: string;
  attachment: string;
  line: number;
  end_line: number;
}

export interface Roadmap {
  milestones: RoadmapEntry[];
  workstreams: RoadmapEntry[];
  /** List items and rows that name one, and ask for nothing beyond that. */
  named: ReadonlySet<Block>;
}

/** How one kind of entry is written. Each pattern sees at most one line of 4,000 characters. */
interface Vocabulary {
  /** `Milestone 1: Title` and the like: the label's word, its number, the title. */
  labels: readonly RegExp[];
  /** Headings whose list items are entries. */
  lists: RegExp;
  /** Headings whose items are entries where they have a label or a date. */
  perhaps?: RegExp;
  /** Head of the column that holds the titles; one of the first two columns. */
  column: RegExp;
  dated: boolean;
}

const NUMBER = "(\\d{1,3}(?:\\.\\d{1,3}){0,2}[a-z]?|[ivx]{1,4}|[a-z])";
const MILESTONES: Vocabulary = {
  labels: [
    new RegExp(`^(milestone|phase|release|sprint|iteration|increment) ${NUMBER}(?: ?[:.–—-]+ ?| (?=\\()|$)`, "i"),
    /^(m)(\d{1,3})(?: ?[:.–—-]+ ?| |$)/i,
    /^milestone ?[:–—-]+ ?(?=\S)/i,
  ],
  lists: /^(?:\w+ )?milestones\b/i,
  perhaps: /^(?:\w+ )?(?:timeline|schedule|roadmap|release plan|releases)\b/i,
  column: /^(?:milestone|phase|release|sprint)s?\b/i,
  dated: true,
};
const WORKSTREAMS: Vocabulary = {
  labels: [
    new RegExp(`^(work ?stream|stream|track|epic) ${NUMBER}(?: ?[:.–—-]+ ?|$)`, "i"),
    /^(ws)(\d{1,3})(?: ?[:.–—-]+ ?| |$)/i,
    /^(?:work ?stream|track|epic) ?[:–—-]+ ?(?=\S)/i,
  ],
  lists: /^(?:\w+ )?(?:work ?streams|tracks|epics)\b/i,
  column: /^(?:work ?stream|stream|track|epic)s?\b/i,
  dated: false,
};

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const MONTH = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\\.?";
const DATES = [
  /\b(?<year>\d{4})-(?<number>\d{2})-(?<day>\d{2})\b/,
  new RegExp(`\\b(?<day>\\d{1,2})(?:st|nd|rd|th)? (?<month>${MONTH}),? (?<year>\\d{4})\\b`, "i"),
  new RegExp(`\\b(?<month>${MONTH}) (?<day>\\d{1,2})(?:st|nd|rd|th)?,? (?<year>\\d{4})\\b`, "i"),
];

/** The milestones and workstreams that documents name: in headings, in lists and in tables. At most 100 of each. */
export function readRoadmap(documents: readonly { name: string; blocks: readonly Block[]; lines: number }[]): Roadmap {
  const named = new Set<Block>();
  const collect = (vocabulary: Vocabulary): RoadmapEntry[] => {
    const entries = new Map<string, RoadmapEntry>();
    for (const document of documents) {
      const ends = sectionEnds(document.blocks, document.lines);
      for (const [index, block] of document.blocks.entries()) {
        const found = entryOf(block, vocabulary);
        if (found === undefined || (entries.size >= NAMES_MAX && !entries.has(found.id))) continue;
        if (block.kind !== "heading") named.add(block);
        const end_line = ends.get(index) ?? block.end_line;
        merge(entries, { ...found, attachment: document.name, line: block.line, end_line }, block.kind === "heading");
      }
    }
    return [...entries.values()];
  };
  return { milestones: collect(MILESTONES), workstreams: collect(WORKSTREAMS), named };
}

/** Last lines of the headings' sections, by position. */
function sectionEnds(blocks: readonly Block[], lines: number): Map<number, number> {
  const ends = new Map<number, number>();
  const open: { index: number; depth: number }[] = [];
  for (const [index, block] of blocks.entries()) {
    if (block.kind !== "heading") continue;
    while ((open.at(-1)?.depth ?? 0) >= block.depth) ends.set(open.pop()?.index ?? 0, block.line - 1);
    open.push({ index, depth: block.depth });
  }
  for (const { index } of open) ends.set(index, lines);
  return ends;
}

/** A table of contents and the sections that it lists are one: the date comes from either, the lines from the section. */
function merge(entries: Map<string, RoadmapEntry>, entry: RoadmapEntry, section: boolean): void {
  const known = entries.get(entry.id);
  if (known === undefined) entries.set(entry.id, entry);
  else {
    known.due ??= entry.due;
    if (known.due === undefined) delete known.due;
    if (section && known.attachment === entry.attachment) [known.line, known.end_line] = [entry.line, entry.end_line];
  }
}

type Named = Pick<RoadmapEntry, "id" | "title" | "due">;

function entryOf(block: Block, words: Vocabulary): Named | undefined {
  if (block.kind === "heading") return fromText(oneLine(block.text, TEXT_MAX), words, false);
  const above = block.headings.at(-1) ?? "";
  if (block.kind === "item") {
    if (block.depth !== 1) return undefined;
    const text = oneLine(block.text, TEXT_MAX);
    if (words.lists.test(above)) return fromText(text, words, true);
    return words.perhaps?.test(above) === true && (labelOf(text, words) !== undefined || dateIn(text) !== undefined)
      ? fromText(text, words, true)
      : undefined;
  }
  return block.kind === "row" ? fromRow(block, words) : undefined;
}

/** Beyond this a line only describes. */
const TEXT_MAX = 500;

function fromRow({ cells = [], head = [] }: Block, words: Vocabulary): Named | undefined {
  const column = head.slice(0, 2).findIndex((cell) => words.column.test(cell));
  if (column === -1) return undefined;
  const found = fromText(oneLine(cells.slice(0, column + 1).join(": "), TEXT_MAX), words, true);
  const due = words.dated ? (found?.due ?? dateIn(oneLine(cells.join(" | "), TEXT_MAX))?.due) : undefined;
  return found === undefined || due === undefined ? found : { ...found, due };
}

/** `always`: also without a label, where the place alone says what it is. */
function fromText(text: string, words: Vocabulary, always: boolean): Named | undefined {
  const label = labelOf(text, words);
  if (label === undefined && !always) return undefined;
  const date = words.dated ? dateIn(text) : undefined;
  const title = titleOf(text, label?.length ?? 0, date) || text.slice(0, label?.length).trim();
  const id = label?.id ?? slug(title);
  if (id === undefined) return undefined;
  return { id, title: oneLine(title, TITLE_MAX), ...(date === undefined ? {} : { due: date.due }) };
}

/** `m1`, `phase-2`, `ws1`; no id where the label has no number. */
function labelOf(text: string, words: Vocabulary): { id: string | undefined; length: number } | undefined {
  for (const pattern of words.labels) {
    const match = pattern.exec(text);
    if (match === null) continue;
    const [label, word = "", number = ""] = match;
    const name = word.toLowerCase().replace(" ", "");
    const short = { milestone: "m", workstream: "ws" }[name] ?? name;
    const joint = short.length <= 2 && /^\d/.test(number) ? "" : "-";
    return { id: number === "" ? undefined : slug(`${short}${joint}${number}`), length: label.length };
  }
  return undefined;
}

/** What stands between the label and the date or, in an item, the description. A date that comes first is left out. */
function titleOf(text: string, from: number, date: Dated | undefined): string {
  const first = date !== undefined && date.at <= from + 1;
  const rest = text.slice(first ? date.end : from, first ? undefined : date?.at).replace(/^[\s):–—-]+/, "");
  const [title = ""] = rest.split(/: | [–—-] |\. /, 1);
  return title.replace(/(?:[\s(,;:–—-]|\b(?:due|by|until|on|target|date))+$/i, "").trim();
}

/** A date in a text: from `at` to before `end`. */
interface Dated {
  due: string;
  at: number;
  end: number;
}

function dateIn(text: string): Dated | undefined {
  for (const pattern of DATES) {
    const match = pattern.exec(text);
    const { year, number, month, day } = match?.groups ?? {};
    if (match === null || year === undefined || day === undefined) continue;
    const position = month === undefined ? Number(number) - 1 : MONTHS.indexOf(month.slice(0, 3).toLowerCase());
    const date = new Date(Date.UTC(Number(year), position, Number(day)));
    if (date.getUTCMonth() !== position || date.getUTCDate() !== Number(day)) continue;
    return { due: date.toISOString().slice(0, 10), at: match.index, end: match.index + match[0].length };
  }
  return undefined;
}

/** A title as an id of at most 40 characters; undefined where nothing is left of it. */
function slug(title: string): string | undefined {
  const id = title
    .normalize("NFKD")
    .replaceAll(/\p{M}+/gu, "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9.]+/g, "-")
    .replaceAll(/\.{2,}/g, ".")
    .slice(0, 40)
    .replace(/^[-.]+/, "")
    .replace(/[-.]+$/, "");
  return isId(id) ? id : undefined;
}
