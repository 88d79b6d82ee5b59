import type { VisibleSpec } from "../domain/intake.ts";
import type { SummaryPart } from "../domain/planning.ts";
import { countTokens } from "../platform/tokens.ts";
import type { Summariser } from "../ports/summariser.ts";

type Attachments = VisibleSpec["attachments"];

/** Characters of English that a token stands for, at least. */
const CHARACTERS_PER_TOKEN = 3;

export interface AttachmentText {
  text: string;
  /** By whom what was put in short; absent where the text is the attachments' own. */
  parts?: SummaryPart[];
}

/** The attachments as a planner reads them: every line with text and its number, or a summary where that is too much. */
export async function attachmentText(
  attachments: Attachments,
  tokens_max: number,
  summariser: Summariser,
  signal: AbortSignal,
): Promise<AttachmentText> {
  const text = attachments.map(({ name, content }) => numbered(name, content)).join("\n");
  // Counting is slow for what is far too long anyway.
  if (text.length <= tokens_max * 10 && countTokens(text) <= tokens_max) return { text };
  const summary = await summariser.summarise(attachments, tokens_max * CHARACTERS_PER_TOKEN, signal);
  return { text: summary.text, parts: summary.parts };
}

function numbered(name: string, content: string): string {
  const lines = content.split("\n");
  const shown = lines.flatMap((line, index) => (line.trim() === "" ? [] : [`L${index + 1} ${line.trimEnd()}`]));
  return [`${name}, ${lines.length} lines:`, ...shown].join("\n");
}
