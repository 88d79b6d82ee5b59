import type { ArtifactRef } from "./ids.ts";
import type { ProjectState } from "./intake.ts";

/** What the project's workflow returns: the seed's artifacts, metrics and quality score, and where they are. */
export interface ProjectResult {
  project_id: string;
  state: ProjectState;
  /** Why it is not delivered; null when it is. */
  reason: string | null;
  /** Of the merged whole, 0 to 1; null when it was never graded. */
  quality_score: number | null;
  metrics: {
    tokens: number;
    usd: number;
    tasks_total: number;
    tasks_done: number;
    attempts: number;
    duration_seconds: number;
  };
  /** Of the first deliverable: a URL or path that `git clone` takes. */
  repository: string | null;
  tag: string | null;
  /** A shell line that shows the result at work. */
  try_command: string | null;
  /** The same of each, in the plan's order. Absent in results that an earlier version wrote. */
  deliverables?: { id: string; repository: string | null; tag: string | null; try_command: string | null }[];
  /** Claim checks by kind: `completion_report`, `governance_report`, their `_markdown`, `release_notes`. */
  artifacts: Record<string, ArtifactRef>;
  /** Folder on this machine with the reports as files. */
  reports_folder: string | null;
}
