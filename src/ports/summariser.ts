import type { Attachment } from "../domain/intake.ts";
import type { Summary } from "../domain/summary.ts";

/** Shortens attachments for the planner and keeps the lines that each statement came from. */
export interface Summariser {
  /** `extractive`, or the model's name. */
  readonly name: string;
  /** `limit`: characters of the summary's text, at most 40,000. Rejects with the signal's reason when it is aborted. */
  summarise(attachments: readonly Attachment[], limit: number, signal: AbortSignal): Promise<Summary>;
}
