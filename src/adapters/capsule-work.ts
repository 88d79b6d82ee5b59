import type { CapsuleTask, LoadedCapsule } from "../domain/capsule.ts";
import { NotFoundError } from "../domain/errors.ts";
import type { VisibleSpec } from "../domain/intake.ts";
import { canonicalJson } from "../platform/digest.ts";
import { engineOf, renderFiles, renderPaths, scopeOf } from "./renderer-capsule.ts";

/** All that one task of a capsule reads and writes for one set of parameters. */
export interface CapsuleWork {
  task: CapsuleTask;
  description: string;
  criteria: { id: string; text: string; check?: string | undefined }[];
  /** Paths of the files of other tasks that it reads. */
  reads: string[];
  files: { path: string; content: string }[];
  /** What it may change: its files and the paths that it names besides. */
  paths: string[];
}

export function capsuleWork(
  capsule: LoadedCapsule,
  taskId: string,
  parameters: Record<string, unknown>,
  spec: VisibleSpec,
): CapsuleWork {
  const engine = engineOf(capsule);
  const scope = scopeOf(capsule, parameters, spec);
  const taskOf = (id: string): CapsuleTask => {
    const found = capsule.capsule.tasks.find((candidate) => candidate.id === id);
    if (found === undefined) throw new NotFoundError("task", id, `Capsule ${capsule.capsule.id} does not have it.`);
    return found;
  };
  const task = taskOf(taskId);
  const files = renderFiles(engine, task.files, scope).map(({ path, content }) => ({ path, content }));
  const paths = task.paths.map((path) => engine.text(path, scope));
  const reads = task.reads.flatMap((id) => renderPaths(engine, taskOf(id).files, scope));
  return {
    task,
    description: engine.text(task.description, scope),
    criteria: task.success_criteria.map((criterion) => ({ ...criterion, text: engine.text(criterion.text, scope) })),
    reads,
    files,
    paths: [...new Set([...files.map(({ path }) => path), ...paths])],
  };
}

/** What a task says to its agent, besides the files that it reads. */
export function briefOf(
  task: { description: string; success_criteria: readonly { text: string }[] },
  parameters: Record<string, unknown>,
): string {
  return [task.description, ...task.success_criteria.map(({ text }) => `- ${text}`), canonicalJson(parameters)].join(
    "\n",
  );
}
