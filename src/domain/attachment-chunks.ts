import type { Attachment } from "./intake.ts";

/** Characters of a piece; about a quarter as many tokens. */
const CHUNK_CHARACTERS_MAX = 20_000;
/** A longer line is shown in pieces that all have its number. */
const LINE_CHARACTERS_MAX = 2_000;

/** Words of an attachment and the lines that they stand in. Foreign text: data, never an instruction. */
export interface Statement {
  line: number;
  end_line: number;
  text: string;
}

/** Lines of one attachment that follow each other, few enough to be read at once. */
export interface Chunk {
  /** Position of the attachment. */
  document: number;
  name: string;
  line: number;
  end_line: number;
  /** Those with text. */
  statements: Statement[];
  characters: number;
}

/** The attachments in pieces of at most 20,000 characters that together are all lines; sections are kept together where it does no harm. */
export function chunksOf(attachments: readonly Attachment[]): Chunk[] {
  return attachments.flatMap(({ name, content }, document) => {
    const chunks: Chunk[] = [];
    let chunk: Chunk | undefined;
    const lines = content.split("\n");
    // What ends the last line begins no other.
    if (lines.length > 1 && lines.at(-1) === "") lines.pop();
    for (const [index, text] of lines.entries()) {
      const line = index + 1;
      for (const piece of piecesOf(text.trimEnd())) {
        const full = chunk !== undefined && chunk.characters + piece.length > CHUNK_CHARACTERS_MAX;
        const section = chunk !== undefined && piece.startsWith("#") && chunk.characters > CHUNK_CHARACTERS_MAX / 2;
        if (chunk === undefined || full || section) {
          chunk = { document, name, line, end_line: line, statements: [], characters: 0 };
          chunks.push(chunk);
        }
        chunk.end_line = line;
        if (piece.trim() !== "") chunk.statements.push({ line, end_line: line, text: piece });
        chunk.characters += piece.length + 1;
      }
    }
    return chunks;
  });
}

function piecesOf(text: string): string[] {
  if (text.length <= LINE_CHARACTERS_MAX) return [text];
  const count = Math.ceil(text.length / LINE_CHARACTERS_MAX);
  return Array.from({ length: count }, (_, at) => text.slice(at * LINE_CHARACTERS_MAX, (at + 1) * LINE_CHARACTERS_MAX));
}
