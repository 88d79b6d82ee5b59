import MarkdownIt, { type Token } from "markdown-it";

/** Lines that are read; what stands below them is counted and left alone. */
const LINES_MAX = 20_000;
/** Characters of a block's text; the rest of a longer one is left out. */
export const BLOCK_CHARACTERS_MAX = 4_000;
const TITLE_MAX = 200;
/** A front matter that is longer is a rule and the text below it. */
const FRONT_MATTER_LINES_MAX = 200;

/** A heading, paragraph, list item or row of a table. Lines count from 1; `end_line` is the block's last. */
export interface Block {
  kind: "heading" | "paragraph" | "item" | "row";
  /** Without markup; a line break of the source is one here. At most 4,000 characters. */
  text: string;
  /** As it is written, without the marks of the list or quote around it. At most 4,000 characters. */
  source: string;
  line: number;
  end_line: number;
  /** The headings that it stands under, the outermost first. */
  headings: readonly string[];
  /** Level of a heading, 1 to 6; of an item, the number of lists around it, from 1; else 0. */
  depth: number;
  /** Of an item with a checkbox. */
  checked?: boolean;
  /** Of a row. */
  cells?: string[];
  /** Of a row: the cells of the table's head. */
  head?: readonly string[];
}

export interface Outline {
  blocks: Block[];
  lines: number;
  /** Lines beyond the first 20,000, which were not read. */
  lines_unread: number;
}

// Blocks alone, without references, take time linear in the text; inline rules then see one bounded block at a time.
const parser = new MarkdownIt("commonmark", { maxNesting: 40 }).enable("table").disable("reference");
parser.core.ruler.enableOnly(["normalize", "block"]);

/** The outline of a Markdown document. Code, HTML and front matter are left out. Never throws; linear in the text. */
export function readOutline(markdown: string): Outline {
  const all = markdown.replace(/^\uFEFF/, "").split(/\r\n?|\n/);
  const read = all.slice(0, LINES_MAX);
  read.fill("", 0, frontMatter(read));
  const lines = all.at(-1) === "" ? all.length - 1 : all.length;
  return {
    blocks: new Walk().over(parser.parse(read.join("\n"), {})),
    lines,
    lines_unread: Math.max(0, lines - LINES_MAX),
  };
}

/** Number of lines of the front matter, its two rules included; 0 without one. */
function frontMatter(lines: readonly string[]): number {
  if (lines[0]?.trimEnd() !== "---") return 0;
  const end = lines.slice(1, FRONT_MATTER_LINES_MAX).findIndex((line) => /^(?:---|\.\.\.)\s*$/.test(line));
  return end === -1 ? 0 : end + 2;
}

/** What is known on the way through the parser's tokens. */
class Walk {
  readonly #blocks: Block[] = [];
  #headings: { level: number; title: string }[] = [];
  #path: readonly string[] = [];
  #lists = 0;
  /** First line of the item whose text comes next; undefined once its text came. */
  #item: number | undefined;
  #row: { cells: string[]; source: string[]; line: number } | undefined;
  #head: string[] | undefined;
  #heading = 0;

  over(tokens: readonly Token[]): Block[] {
    for (const token of tokens) this.#take(token);
    return this.#blocks;
  }

  #take(token: Token): void {
    const line = (token.map?.[0] ?? 0) + 1;
    switch (token.type) {
      case "bullet_list_open":
      case "ordered_list_open":
        this.#lists += 1;
        break;
      case "bullet_list_close":
      case "ordered_list_close":
        this.#lists -= 1;
        break;
      case "list_item_open":
        this.#item = line;
        break;
      case "list_item_close":
      case "fence":
      case "code_block":
      case "html_block":
      case "blockquote_open":
      case "thead_open":
        this.#item = undefined;
        break;
      case "heading_open":
        this.#heading = Number(token.tag.slice(1));
        this.#item = undefined;
        break;
      case "tr_open":
        this.#row = { cells: [], source: [], line };
        break;
      case "tr_close":
        this.#endRow();
        break;
      case "table_close":
        this.#head = undefined;
        break;
      case "inline":
        this.#text(token, line);
        break;
    }
  }

  #text(token: Token, line: number): void {
    const source = token.content.slice(0, BLOCK_CHARACTERS_MAX);
    const text = plainText(source);
    if (this.#row !== undefined) {
      this.#row.cells.push(text.replaceAll("\n", " ").trim());
      this.#row.source.push(source);
      return;
    }
    const end_line = Math.max(line, token.map?.[1] ?? line);
    if (this.#heading > 0) {
      this.#openHeading({ text, source, line, end_line });
      return;
    }
    const place = { line, end_line, headings: this.#path };
    if (this.#item === undefined) {
      if (text.trim() !== "") this.#blocks.push({ kind: "paragraph", text, source, ...place, depth: 0 });
      return;
    }
    const box = /^\[([ xX])\](?:\s|$)/.exec(source);
    const own =
      box === null ? { text, source } : { text: text.slice(box[0].length), source: source.slice(box[0].length) };
    const checked = box === null ? {} : { checked: box[1] !== " " };
    if (text.trim() !== "") this.#blocks.push({ kind: "item", ...own, ...place, depth: this.#lists, ...checked });
    this.#item = undefined;
  }

  #openHeading({ text, source, line, end_line }: Pick<Block, "text" | "source" | "line" | "end_line">): void {
    const level = this.#heading;
    this.#heading = 0;
    this.#headings = this.#headings.filter((heading) => heading.level < level);
    const headings = this.#headings.map(({ title }) => title);
    this.#blocks.push({ kind: "heading", text, source, line, end_line, headings, depth: level });
    const title = text.replaceAll(/\s+/g, " ").trim().slice(0, TITLE_MAX);
    this.#headings.push({ level, title });
    this.#path = [...headings, title];
  }

  #endRow(): void {
    const row = this.#row;
    this.#row = undefined;
    if (row === undefined) return;
    if (this.#head === undefined) {
      this.#head = row.cells;
      return;
    }
    const { cells, line } = row;
    if (cells.every((cell) => cell === "")) return;
    const place = { line, end_line: line, headings: this.#path, depth: 0 };
    this.#blocks.push({
      kind: "row",
      text: cells.join(" | "),
      source: row.source.join(" | "),
      ...place,
      cells,
      head: this.#head,
    });
  }
}

/** Markdown of one block as text: no emphasis, link targets, tags or comments; line breaks stay. */
function plainText(source: string): string {
  // Most text has no markup, and the inline rules cost more than all the rest.
  if (!/[\\`*_[\]<&!]/.test(source)) return source;
  const parts: string[] = [];
  const visit = (tokens: readonly Token[]): void => {
    for (const token of tokens) {
      if (token.type === "softbreak" || token.type === "hardbreak") parts.push("\n");
      else if (token.type === "html_inline") parts.push("\n".repeat(token.content.split("\n").length - 1));
      else if (token.type === "image") visit(token.children ?? []);
      else parts.push(token.content);
    }
  };
  const tokens: Token[] = [];
  parser.inline.parse(source, parser, {}, tokens);
  visit(tokens);
  return parts.join("");
}
