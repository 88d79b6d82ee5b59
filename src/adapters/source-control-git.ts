import { access, rm } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { join, resolve } from "node:path";
import { ConflictError, InputError, NotFoundError } from "../domain/errors.ts";
import { isId } from "../domain/ids.ts";
import type { CommitInfo, SourceControl } from "../ports/source-control.ts";
import { createBareRepository } from "./source-control-git-create.ts";
import { git, identity, inFolder, nulList } from "./source-control-git-run.ts";
import {
  type Workspace,
  addWorkspace,
  baseOf,
  commitChanges,
  commitTree,
  removeWorkspace,
  workRef,
} from "./source-control-git-workspace.ts";

const OBJECT = /^[0-9a-f]{40}$/;
const TAG = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const TRAILER = /^[A-Za-z][A-Za-z-]{0,63}$/;
/** Merges on `main` that are searched for a trailer, newest first. */
const HISTORY_MAX = 20_000;

/**
 * Bare repositories at `<root>/<id>.git`, worktrees at `<worktrees>/<id>/<name>`, by the `git` on PATH (2.38 or newer).
 * Everything acknowledged is flushed to disk. Fails with a KamachiqError `storage_failed` that names the folder.
 */
export function createGitSourceControl(folders: { root: string; worktrees: string }): SourceControl {
  const root = resolve(folders.root);
  const worktrees = resolve(folders.worktrees);
  const oneAtATime = queues();

  const pathOf = (id: string): string => {
    if (!isId(id)) throw new InputError(`${JSON.stringify(id)} can't name a repository.`, { code: "id_invalid" });
    return join(root, `${id}.git`);
  };
  const exists = async (id: string): Promise<boolean> => present(pathOf(id));
  const repositoryOf = async (id: string): Promise<string> => {
    if (await exists(id)) return pathOf(id);
    throw new NotFoundError("repository", id);
  };
  const workspaceOf = (id: string, name: string): Workspace => {
    if (!isId(name)) throw new InputError(`${JSON.stringify(name)} can't name a workspace.`, { code: "id_invalid" });
    const repository = pathOf(id);
    return { repository, name, path: join(worktrees, id, name), admin: join(repository, "worktrees", name) };
  };
  const tip = async (id: string, ref = "main"): Promise<string> => {
    const gitDir = await repositoryOf(id);
    for (const candidate of candidates(ref)) {
      const found = await git(["rev-parse", "--verify", "--quiet", `${candidate}^{commit}`], {
        gitDir,
        accept: [1, 128],
      });
      if (found.exit_code === 0) return found.stdout.trim();
    }
    throw new NotFoundError("reference", ref);
  };

  return {
    adapter: "git",
    url: pathOf,
    exists,
    tip,

    createRepository(id, files, info) {
      const path = pathOf(id);
      return oneAtATime(id, () =>
        inFolder(root, async () => {
          const created = !(await exists(id));
          if (created) await createBareRepository(path, files, info);
          return { url: path, tip: await tip(id), created };
        }),
      );
    },

    openWorkspace(id, name, base) {
      const workspace = workspaceOf(id, name);
      return oneAtATime(id, () =>
        inFolder(worktrees, async () => {
          await repositoryOf(id);
          const start = base ?? ((await present(workspace.admin)) ? await baseOf(workspace) : null) ?? (await tip(id));
          await addWorkspace(workspace, object(start));
          return { path: workspace.path, base: start };
        }),
      );
    },

    async commitWorkspace(id, name, paths, info) {
      const workspace = workspaceOf(id, name);
      const base = (await present(workspace.admin)) ? await baseOf(workspace) : null;
      if (base === null || !(await present(workspace.path))) throw new NotFoundError("workspace", `${id}/${name}`);
      return inFolder(workspace.path, () => commitChanges(workspace, base, paths, info));
    },

    closeWorkspace(id, name) {
      const workspace = workspaceOf(id, name);
      return oneAtATime(id, () => inFolder(worktrees, () => removeWorkspace(workspace)));
    },

    async materialize(id, commit, into) {
      const gitDir = await repositoryOf(id);
      const index = join(gitDir, `kamachiq-index-${randomUUID()}`);
      try {
        // Not `git archive`: a tree could leave files out of that by its own attributes.
        const env = { GIT_INDEX_FILE: index };
        await git(["read-tree", "-m", "-u", object(commit)], { gitDir, workTree: resolve(into), env });
      } finally {
        await rm(index, { force: true });
      }
    },

    async prepareMerge(id, onto, commits) {
      const gitDir = await repositoryOf(id);
      let merged = object(onto);
      for (const { commit, info } of commits) {
        const tree = await mergeTrees(gitDir, merged, object(commit));
        if (Array.isArray(tree)) return { status: "conflict", commit, files: tree };
        merged = await commitTree(gitDir, tree, [merged, commit], info);
      }
      return { status: "merged", tip: merged };
    },

    async advance(id, from, to) {
      const gitDir = await repositoryOf(id);
      const stands = await tip(id);
      if (stands !== from) return stands === to;
      try {
        await git(["update-ref", "refs/heads/main", object(to), object(from)], { gitDir });
        return true;
      } catch (error) {
        if ((await tip(id)) !== from) return false; // somebody moved it in between
        throw error;
      }
    },

    async findByTrailer(id, trailer, value) {
      if (!TRAILER.test(trailer)) throw new InputError(`${trailer} is no trailer.`, { code: "trailer_invalid" });
      const gitDir = await repositoryOf(id);
      const search = ["--fixed-strings", `--grep=${trailer}: ${value}`, `--max-count=${HISTORY_MAX}`];
      const format = `--format=%H%x1f%(trailers:key=${trailer},valueonly,separator=%x1f)`;
      const log = await git(["log", "--first-parent", "-z", ...search, format, "refs/heads/main"], { gitDir });
      const found = nulList(log.stdout).map((entry) => entry.split("\x1f"));
      return found.find(([, ...values]) => values.some((one) => one.trim() === value))?.[0] ?? null;
    },

    async changedPaths(id, from, to) {
      const args = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", object(from), object(to)];
      return nulList((await git(args, { gitDir: await repositoryOf(id) })).stdout);
    },

    async readFile(id, commit, path) {
      const gitDir = await repositoryOf(id);
      const blob = await git(["cat-file", "blob", `${object(commit)}:${path}`], { gitDir, accept: [128] });
      return blob.exit_code === 0 ? blob.stdout : null;
    },

    async listFiles(id, commit) {
      const args = ["ls-tree", "-r", "-z", "--name-only", object(commit)];
      return nulList((await git(args, { gitDir: await repositoryOf(id) })).stdout);
    },

    async tag(id, name, commit, message, info) {
      if (!TAG.test(name)) throw new InputError(`${JSON.stringify(name)} can't name a tag.`, { code: "tag_invalid" });
      const gitDir = await repositoryOf(id);
      await oneAtATime(id, () => tagOnce(gitDir, name, object(commit), message, info));
    },
  };
}

async function tagOnce(gitDir: string, name: string, commit: string, message: string, info: CommitInfo): Promise<void> {
  const look = ["rev-parse", "--verify", "--quiet", `refs/tags/${name}^{commit}`];
  const there = await git(look, { gitDir, accept: [1, 128] });
  if (there.exit_code === 0 && there.stdout.trim() === commit) return;
  if (there.exit_code === 0) throw new ConflictError(`Tag ${name} already stands at another commit.`);
  await git(["tag", "--annotate", "-F", "-", name, commit], { gitDir, env: identity(info), stdin: message });
}

/** The merged tree, or the files in conflict. */
async function mergeTrees(gitDir: string, ours: string, theirs: string): Promise<string | string[]> {
  const args = ["merge-tree", "--write-tree", "--no-messages", "--name-only", "-z", ours, theirs];
  const result = await git(args, { gitDir, accept: [1] });
  const [tree, ...files] = nulList(result.stdout);
  if (result.exit_code === 1) return [...new Set(files)];
  return object(tree ?? "");
}

function candidates(ref: string): string[] {
  if (OBJECT.test(ref)) return [ref];
  if (!TAG.test(ref)) throw new InputError(`${JSON.stringify(ref)} is no reference.`, { code: "ref_invalid" });
  return [`refs/heads/${ref}`, `refs/tags/${ref}`, workRef(ref)];
}

function object(value: string): string {
  if (OBJECT.test(value)) return value;
  throw new InputError(`${JSON.stringify(value)} is no commit.`, { code: "commit_invalid" });
}

async function present(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Steps of one key run one after the other; those of different keys at once. */
function queues(): <T>(key: string, step: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return async (key, step) => {
    const result = (last.get(key) ?? Promise.resolve()).then(step, step);
    last.set(key, result);
    try {
      return await result;
    } finally {
      if (last.get(key) === result) last.delete(key);
    }
  };
}
