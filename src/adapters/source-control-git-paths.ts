import { lstat, readlink, realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, relative } from "node:path";
import { InputError } from "../domain/errors.ts";

const FILE_BYTES_MAX = 10 * 1024 ** 2;
const FILES_MAX = 10_000;
const PATH_CHARACTERS_MAX = 500;
const LISTED_MAX = 20;
/** Files of a tree that steer git itself; submodules would be fetched from wherever they name. */
const STEERS_GIT = /(^|\/)(\.git|\.gitmodules)(\/|$)/i;

/** Whether a task that owns `patterns` may change `path`. `*`, `?` and `**` as in gitignore; a folder owns what is below it. */
export function ownedBy(patterns: readonly string[]): (path: string) => boolean {
  const expressions = patterns.map(expressionOf);
  return (path) => expressions.some((expression) => expression.test(path));
}

function expressionOf(pattern: string): RegExp {
  const parts =
    pattern
      .replace(/^\/+/, "")
      .replace(/\/+$/, "")
      .match(/\*\*\/|\/\*\*$|\*\*|\*|\?|[^*?/]+|\//g) ?? [];
  const body = parts.map((part) => {
    if (part === "**/") return "(?:[^/]+/)*";
    if (part === "/**") return "/.+";
    if (part === "**") return ".*";
    if (part === "*") return "[^/]*";
    return part === "?" ? "[^/]" : part.replaceAll(/[\\^$.|+()[\]{}]/g, "\\$&");
  });
  return new RegExp(`^${body.join("")}(?:/.*)?$`, "s");
}

/** Refuses, with every reason at once, what must not be committed of a workspace. `paths` are as git names them. */
export async function refuseBadChanges(
  workspace: string,
  paths: readonly string[],
  owned: readonly string[],
): Promise<void> {
  if (paths.length > FILES_MAX) throw refusal([`${paths.length} files changed; at most ${FILES_MAX} may.`]);
  const mayChange = ownedBy(owned);
  const root = await realpath(workspace);
  const problems: string[] = [];
  for (const path of paths) {
    if (problems.length >= LISTED_MAX) break;
    const problem = mayChange(path) ? await problemOf(root, path) : "is outside the task's paths";
    if (problem !== null) problems.push(`${JSON.stringify(path)} ${problem}.`);
  }
  if (problems.length > 0) throw refusal(problems, owned);
}

async function problemOf(root: string, path: string): Promise<string | null> {
  if (path.endsWith("/")) return "is a repository inside the repository";
  const name = nameProblem(path);
  if (name !== null) return name;
  const entry = await lstat(join(root, path)).catch(() => null);
  if (entry === null) return null; // deleted
  if (entry.isSymbolicLink()) return (await staysInside(root, path)) ? null : "is a symbolic link that leaves the tree";
  if (!entry.isFile()) return "is not a file";
  if (entry.size > FILE_BYTES_MAX) return `has ${entry.size} bytes; at most ${FILE_BYTES_MAX} may be committed`;
  return null;
}

/** What is wrong with a path of a tree, or null. */
export function nameProblem(path: string): string | null {
  if (path === "" || path.length > PATH_CHARACTERS_MAX) return `has no name of 1 to ${PATH_CHARACTERS_MAX} characters`;
  if (isAbsolute(path) || path.split("/").some((part) => part === "" || part === "." || part === ".."))
    return "is not a plain relative path";
  // oxlint-disable-next-line no-control-regex -- they are what it finds
  if (/[\u0000-\u001f\u007f\\]/.test(path)) return "has a control character or backslash in its name";
  return STEERS_GIT.test(path) ? "would steer git itself" : null;
}

/** Both as written and as the file system follows it. A link to nothing is taken as leaving: it may be given a target later. */
async function staysInside(root: string, path: string): Promise<boolean> {
  const target = await readlink(join(root, path));
  const written = relative(root, join(root, dirname(path), target));
  if (isAbsolute(target) || written === ".." || written.startsWith("../")) return false;
  const followed = await realpath(join(root, path)).catch(() => null);
  return followed !== null && followed.startsWith(`${root}/`);
}

function refusal(problems: string[], owned: readonly string[] = []): InputError {
  return new InputError(`The workspace has changes that can't be committed: ${problems.join(" ")}`, {
    code: "workspace_refused",
    problems,
    remedy: owned.length === 0 ? "The task owns no paths." : `The task may change ${owned.join(", ")}.`,
  });
}
