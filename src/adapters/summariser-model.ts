import { type Chunk, chunksOf, type Statement } from "../domain/attachment-chunks.ts";
import { oneLine } from "../domain/markdown.ts";
import { ModelError } from "../domain/model.ts";
import type { SummaryPart } from "../domain/planning.ts";
import {
  EXTRACTIVE,
  extractFrom,
  fitting,
  lineNumbers,
  summarise,
  type Summary,
  SUMMARY_CHARACTERS_MAX,
  type SummaryLine,
  titleOf,
} from "../domain/summary.ts";
import type { LanguageModel } from "../ports/model.ts";
import type { Summariser } from "../ports/summariser.ts";
import { type Shortened, shorten } from "./summariser-request.ts";

/** Pieces that the model reads; what is beyond them is extracted. */
const CHUNKS_MAX = 10;
/** Pieces whose statements it shortens once more where they are too long. */
const REDUCED_MAX = 5;
const REQUESTS_AT_ONCE = 4;
/** Of the summary; with less a piece is not worth a request. */
const SHARE_CHARACTERS_MIN = 200;
/** `Lines 1234-5678, by openai/gpt-5-mini:` beside the method's name. */
const PART_TITLE_CHARACTERS = 30;

const REASON_MAX = 300;

/** A piece, who put it in short, and how. */
interface Part {
  chunk: Chunk;
  /** Characters of the summary that it may have. */
  share: number;
  method: string;
  statements: Statement[];
  dropped: number;
  reason: string | undefined;
}

/**
 * Summarises with a model: pieces of the attachments, each statement with the lines that say it, which are checked. A
 * piece that the model fails at, or that is beyond its ten, is extracted by rules, and the summary says so. Requirements,
 * milestones and workstreams are always those of the rules, whatever the model says. At most 15 requests.
 */
export function createModelSummariser(model: LanguageModel): Summariser {
  return {
    name: model.reference,
    async summarise(attachments, limit, signal): Promise<Summary> {
      signal.throwIfAborted();
      const { lines, documents, ...extract } = extractFrom(attachments);
      const room = Math.min(limit, SUMMARY_CHARACTERS_MAX);
      const chunks = chunksOf(attachments);
      const parts_max = Math.min(chunks.length, CHUNKS_MAX + documents.length);
      const titles = textLength(documents.map(titleOf)) + parts_max * titleLength(model);
      const parts = joined(await new Summarising(model, signal).parts(chunks, room - titles));
      // Where the model made none of it, titles of parts would only take the room of statements.
      if (parts.every(({ method }) => method === EXTRACTIVE))
        return { ...summarise(attachments, limit), parts: parts.map(describePart) };
      const chosen = parts.map((part) => fitting(linesOf(part, lines), part.share));
      const text = documents.flatMap((document, at) => [
        titleOf(document),
        ...parts.flatMap((part, index) =>
          part.chunk.document === at ? [partTitle(part), ...(chosen[index] ?? []).map((line) => line.text)] : [],
        ),
      ]);
      const available = parts.reduce((sum, part) => sum + linesOf(part, lines).length + part.dropped, 0);
      const said = chosen.reduce((sum, { length }) => sum + length, 0);
      return {
        method: model.reference,
        text: text.join("\n").slice(0, Math.max(0, room)),
        parts: parts.map(describePart),
        ...extract,
        left_out: { ...extract.left_out, statements: available - said },
      };
    },
  };
}

class Summarising {
  readonly #model: LanguageModel;
  readonly #signal: AbortSignal;
  /** Why the model is asked no more. */
  #stopped: string | undefined;
  /** What the tokens that others held left no room for. */
  readonly #postponed = new Set<Part>();

  constructor(model: LanguageModel, signal: AbortSignal) {
    this.#model = model;
    this.#signal = signal;
  }

  async parts(chunks: readonly Chunk[], room: number): Promise<Part[]> {
    const total = chunks.reduce((sum, { characters }) => sum + characters, 0);
    const parts = chunks.map((chunk, index): Part => {
      const share = Math.floor((Math.max(0, room) * chunk.characters) / Math.max(1, total));
      const reason = index < CHUNKS_MAX ? undefined : `the model reads the first ${CHUNKS_MAX} pieces`;
      return { chunk, share, method: EXTRACTIVE, statements: [], dropped: 0, reason };
    });
    const wanted = parts.filter(({ reason, share, chunk }) => {
      return reason === undefined && share >= SHARE_CHARACTERS_MIN && chunk.statements.length > 0;
    });
    const read = async (part: Part): Promise<void> => {
      this.#take(part, await this.#shorten(part, part.chunk.statements));
    };
    await this.#each(wanted, read);
    for (const part of this.#postponed) await read(part);
    const long = wanted.filter((part) => lengthOf(part.statements) > part.share);
    if (lengthOf(wanted.flatMap(({ statements }) => statements)) > wanted.reduce((sum, { share }) => sum + share, 0))
      await this.#each(long.slice(0, REDUCED_MAX), async (part) => {
        const shorter = await this.#shorten(part, part.statements);
        // What was said first is said where saying it more shortly failed.
        if (shorter.statements.length > 0) this.#take(part, shorter);
      });
    return parts;
  }

  #take(part: Part, { statements, dropped, reason }: Shortened): void {
    part.statements = statements;
    part.dropped += dropped;
    part.method = statements.length > 0 ? this.#model.reference : EXTRACTIVE;
    part.reason = statements.length > 0 ? undefined : reason;
  }

  async #shorten(part: Part, statements: readonly Statement[]): Promise<Shortened> {
    if (this.#stopped !== undefined) return { statements: [], dropped: 0, reason: this.#stopped };
    try {
      return await shorten(this.#model, part.chunk.name, statements, part.share, this.#signal);
    } catch (error) {
      this.#signal.throwIfAborted();
      if (!(error instanceof ModelError)) throw error;
      if (error.code === "model_budget_exhausted") {
        this.#postponed.add(part);
        return { statements: [], dropped: 0, reason: oneLine(error.message, REASON_MAX) };
      }
      // What failed once, after its retries, would cost time and tokens again.
      this.#stopped ??= oneLine(error.message, REASON_MAX);
      return { statements: [], dropped: 0, reason: this.#stopped };
    }
  }

  /** A few at once, in order. Waits for all that began, also when one fails, so that each is paid for. */
  async #each(parts: readonly Part[], work: (part: Part) => Promise<void>): Promise<void> {
    const queue = [...parts];
    const worker = async (): Promise<void> => {
      for (let part = queue.shift(); part !== undefined; part = queue.shift()) await work(part);
    };
    const ends = await Promise.allSettled(Array.from({ length: REQUESTS_AT_ONCE }, worker));
    for (const end of ends) if (end.status === "rejected") throw end.reason;
  }
}

/** Parts beside each other that were extracted for the same reason are one. */
function joined(parts: readonly Part[]): Part[] {
  const result: Part[] = [];
  for (const part of parts) {
    const last = result.at(-1);
    const same = last?.chunk.document === part.chunk.document && last.reason === part.reason;
    if (last === undefined || !same || last.method !== EXTRACTIVE || part.method !== EXTRACTIVE) {
      result.push({ ...part });
      continue;
    }
    last.chunk = { ...last.chunk, end_line: part.chunk.end_line };
    last.share += part.share;
    last.dropped += part.dropped;
  }
  return result;
}

function linesOf({ method, chunk, statements }: Part, extracted: readonly SummaryLine[]): SummaryLine[] {
  const { document, line: first, end_line: last } = chunk;
  if (method === EXTRACTIVE)
    return extracted.filter((line) => line.document === document && first <= line.line && line.line <= last);
  return statements.map(({ line, end_line, text }) => ({
    document,
    line,
    rank: 0,
    text: `${lineNumbers(line, end_line)} ${text}`,
  }));
}

function partTitle({ method, chunk }: Part): string {
  return `Lines ${chunk.line}-${chunk.end_line}, by ${method}:`;
}

function titleLength({ reference }: LanguageModel): number {
  return Math.max(reference.length, EXTRACTIVE.length) + PART_TITLE_CHARACTERS;
}

function describePart({ chunk, method, reason }: Part): SummaryPart {
  const { name: attachment, line, end_line } = chunk;
  return { attachment, line, end_line, method, ...(reason === undefined ? {} : { reason }) };
}

function lengthOf(statements: readonly Statement[]): number {
  return textLength(statements.map(({ line, end_line, text }) => `${lineNumbers(line, end_line)} ${text}`));
}

function textLength(lines: readonly string[]): number {
  return lines.reduce((sum, { length }) => sum + length + 1, 0);
}
