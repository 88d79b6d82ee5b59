import type { LoadedCapsule } from "../domain/capsule.ts";
import type { CommandCheck, VisibleSpec } from "../domain/intake.ts";
import type { FileToCommit } from "./source-control.ts";

export interface ScaffoldFile extends FileToCommit {
  /** What provisions it: the repository itself, its CI pipeline, or the workspace definition. */
  kind: "repository" | "pipeline" | "workspace";
}

/** Turns a capsule's templates into text for one set of parameters. Bounded in time and size. */
export interface Renderer {
  /** The files of the first commit. */
  scaffold(capsule: LoadedCapsule, parameters: Record<string, unknown>, spec: VisibleSpec): ScaffoldFile[];
  /** The probes that apply, with the ids of the criteria that each proves. */
  probes(
    capsule: LoadedCapsule,
    parameters: Record<string, unknown>,
    spec: VisibleSpec,
  ): (CommandCheck & { proves: string[] })[];
  /** A shell line that shows the delivered program at work, run in a clone; null when the capsule has none. */
  tryCommand(capsule: LoadedCapsule, parameters: Record<string, unknown>): string | null;
}
