import { summarise } from "../domain/summary.ts";
import type { Summariser } from "../ports/summariser.ts";

/** Summarises by fixed rules, without a model: the same attachments give the same summary. */
export function createExtractiveSummariser(): Summariser {
  return {
    name: "extractive",
    async summarise(attachments, limit, signal) {
      signal.throwIfAborted();
      return summarise(attachments, limit);
    },
  };
}
