import { Context } from "@temporalio/activity";
import { lockFiles } from "../domain/provision.ts";
import type { EvaluationRequest } from "../ports/evaluator.ts";
import type { InstalledDependencies } from "../ports/dependencies.ts";
import type { ActivityDeps } from "./deps.ts";
import type { Work } from "./project.ts";

/**
 * What the deliverable's lock files name, installed on this machine. Taken from the capsule, which policy saw, and never
 * from what agents made of the repository. Provisioning installs it; a later step on another machine finds it missing
 * and installs the same again.
 */
export async function projectDependencies(deps: ActivityDeps, work: Work): Promise<InstalledDependencies[]> {
  const { capsule } = work.capsule;
  if (Object.keys(capsule.dependencies).length === 0) return [];
  const scaffold = deps.renderer.scaffold(work.capsule, work.deliverable.parameters, work.spec);
  const signal = Context.current().cancellationSignal;
  return Promise.all(
    lockFiles(capsule, scaffold).map(({ kind, files }) => deps.dependencies.install(kind, files, signal)),
  );
}

/** The same as evaluators take it. */
export async function dependencyFolders(deps: ActivityDeps, work: Work): Promise<EvaluationRequest["dependencies"]> {
  const installed = await projectDependencies(deps, work);
  return Object.fromEntries(installed.map(({ kind, folder }) => [kind, folder]));
}
