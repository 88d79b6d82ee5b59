import { mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { CommitInfo } from "../ports/source-control.ts";
import { refuseBadChanges } from "./source-control-git-paths.ts";
import { git, identity, messageOf, nulList } from "./source-control-git-run.ts";

/**
 * A worktree whose `.git` file nobody reads: an agent could have written it. `admin` is git's own folder for it inside
 * the bare repository, out of the agent's reach; its HEAD stays at the base for as long as the workspace lives.
 */
export interface Workspace {
  repository: string;
  name: string;
  path: string;
  admin: string;
}

/** Where work of a workspace is kept: out of `refs/heads`, so that a clone of the delivery has only what was merged. */
export function workRef(name: string): string {
  return `refs/kamachiq/work/${name}`;
}

export async function baseOf({ admin }: Workspace): Promise<string | null> {
  const result = await git(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], { gitDir: admin, accept: [1, 128] });
  return result.exit_code === 0 ? result.stdout.trim() : null;
}

export async function addWorkspace(workspace: Workspace, base: string): Promise<void> {
  const { repository, path } = workspace;
  await removeWorkspace(workspace);
  await mkdir(dirname(path), { recursive: true });
  await git(["worktree", "add", "--quiet", "--force", "--detach", path, base], { gitDir: repository });
}

/** Removes the folder and git's record of it, without asking git, which would read the folder's `.git` first. */
export async function removeWorkspace({ path, admin }: Workspace): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 3 });
  await rm(admin, { recursive: true, force: true });
}

/** Commits all changes onto the workspace's base. Null when there are none. */
export async function commitChanges(
  workspace: Workspace,
  base: string,
  owned: readonly string[],
  info: CommitInfo,
): Promise<{ commit: string; files: string[] } | null> {
  const { path, admin, repository, name } = workspace;
  const inside = { gitDir: admin, workTree: path };
  const status = [
    "status",
    "--porcelain=v1",
    "-z",
    "--untracked-files=all",
    "--no-renames",
    "--ignore-submodules=none",
  ];
  const changed = nulList((await git(status, inside)).stdout).map((entry) => entry.slice(3));
  if (changed.length === 0) return null;
  await refuseBadChanges(path, changed, owned);
  await git(["add", "--all", "--", "."], inside);
  const tree = (await git(["write-tree"], inside)).stdout.trim();
  const files = nulList(
    (await git(["diff-tree", "-r", "-z", "--name-only", "--no-renames", base, tree], { gitDir: repository })).stdout,
  );
  if (files.length === 0) return null;
  await refuseBadChanges(path, files, owned); // what was staged, whatever happened to the folder in between
  const commit = await commitTree(repository, tree, [base], info);
  await git(["update-ref", workRef(name), commit], { gitDir: repository });
  return { commit, files };
}

export async function commitTree(
  repository: string,
  tree: string,
  parents: readonly string[],
  info: CommitInfo,
): Promise<string> {
  const args = ["commit-tree", tree, ...parents.flatMap((parent) => ["-p", parent]), "-F", "-"];
  const made = await git(args, { gitDir: repository, env: identity(info), stdin: messageOf(info) });
  return made.stdout.trim();
}
