import type { Logger } from "pino";
import type { Db } from "../persistence/database.ts";
import type { GraphLimits } from "../domain/graph-limits.ts";
import type { ArtifactStore } from "../ports/artifact-store.ts";
import type { Board } from "../ports/board.ts";
import type { CapsuleRepository } from "../ports/capsule-library.ts";
import type { CodingAgent } from "../ports/coding-agent.ts";
import type { DependencyInstaller } from "../ports/dependencies.ts";
import type { Evaluator } from "../ports/evaluator.ts";
import type { Memory } from "../ports/memory.ts";
import type { Planner } from "../ports/planner.ts";
import type { PolicySource } from "../ports/policy-source.ts";
import type { Renderer } from "../ports/renderer.ts";
import type { SourceControl } from "../ports/source-control.ts";

/** All that activities reach; `main/` fills it with adapters. */
export interface ActivityDeps {
  db: Db;
  artifacts: ArtifactStore;
  library: CapsuleRepository;
  renderer: Renderer;
  planner: Planner;
  policy: PolicySource;
  sourceControl: SourceControl;
  board: Board;
  memory: Memory;
  agents: ReadonlyMap<string, CodingAgent>;
  evaluators: readonly Evaluator[];
  dependencies: DependencyInstaller;
  graph_limits: GraphLimits;
  /** Kind of sandbox that the evaluators use; stands in every report. */
  sandbox: string;
  /** Folder for trees that are graded and thrown away. */
  scratch: string;
  /** Folder that gets the reports of finished projects as files. */
  reports: string;
  /** Logger of a project; every line carries its id. */
  log: (projectId: string) => Logger;
}
