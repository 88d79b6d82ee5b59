import { withSources } from "../domain/plan-sources.ts";
import { SUMMARY_CHARACTERS_MAX } from "../domain/summary.ts";
import type { Planner } from "../ports/planner.ts";
import type { Summariser } from "../ports/summariser.ts";

/** Gives every plan the lines of the attachments that its deliverables answer, and what they leave unanswered. */
export function createCitedPlanner(planner: Planner, summariser: Summariser): Planner {
  return {
    name: planner.name,
    async plan(spec, signal) {
      const plan = await planner.plan(spec, signal);
      if (spec.attachments.length === 0) return plan;
      const summary = await summariser.summarise(
        spec.attachments,
        SUMMARY_CHARACTERS_MAX,
        signal ?? new AbortController().signal,
      );
      return withSources(plan, spec, summary);
    },
  };
}
