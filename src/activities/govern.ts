import { newEvent } from "../domain/event-data.ts";
import { governanceOverlay, objectionsOf, reviewGovernance } from "../domain/govern.ts";
import { recordArtifact } from "../persistence/artifacts.ts";
import { readEvents } from "../persistence/events.ts";
import type { ControlActivities } from "./contract.ts";
import type { ActivityDeps } from "./deps.ts";
import { record } from "./transaction.ts";

/** The capsule whose thresholds and checks every run has to pass before anything is released. */
export const GOVERNANCE_CAPSULE = "kamachiq_governance_review";

export function createGovernActivities(deps: ActivityDeps): Pick<ControlActivities, "reviewGovernance"> {
  const { db, artifacts, library, log } = deps;
  return {
    async reviewGovernance({ project_id }) {
      const { capsule } = await library.get(GOVERNANCE_CAPSULE);
      const report = reviewGovernance(await readEvents(db, project_id), governanceOverlay(capsule));
      const ref = await artifacts.put(JSON.stringify(report), "application/json");
      const notes = report.notes.map((note) => note.text);
      const event = newEvent("govern/reported", "kamachiq.govern.reported", project_id, {
        verdict: report.verdict,
        report: ref,
        score: report.score,
        notes,
      });
      await record(db, project_id, [event], async (tx) => {
        await recordArtifact(tx, project_id, "governance_report", project_id, ref);
      });
      log(project_id).info({ verdict: report.verdict, notes }, "governance review");
      return { verdict: report.verdict, reasons: objectionsOf(report) };
    },
  };
}
