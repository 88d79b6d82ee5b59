import { lstat, readFile, readdir, readlink } from "node:fs/promises";
import { join, relative } from "node:path";
import type { CheckResult } from "../../domain/review.ts";
import { sha256 } from "../../platform/digest.ts";
import { checkResult } from "./results.ts";

const FILES_MAX = 20_000;
const LISTED_MAX = 50;
const LEFT_OUT = new Set(["__pycache__", ".git", "node_modules"]);

/** Digest of every file of a tree, by relative path; a link's is that of its target's name. Follows nothing. */
export async function digestsOf(tree: string): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  const folders = [tree];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory() && !LEFT_OUT.has(entry.name)) folders.push(path);
      if (entry.isSymbolicLink()) digests.set(relative(tree, path), `link:${await readlink(path)}`);
      if (entry.isFile())
        digests.set(relative(tree, path), `${(await lstat(path)).mode & 0o111}:${sha256(await readFile(path))}`);
      if (digests.size > FILES_MAX) return digests;
    }
  }
  return digests;
}

/** Files of the delivery that are gone or different. Files that were added are nobody's business. */
export function changedFiles(before: Map<string, string>, after: Map<string, string>): string[] {
  return [...before].filter(([path, digest]) => after.get(path) !== digest).map(([path]) => path);
}

/** What was graded is not what is delivered: its own tests or program rewrote it while it was examined. */
export function tamperedCheck(changed: string[]): CheckResult {
  return checkResult({
    check: "unchanged",
    metric: "correctness",
    veto: true,
    passed: false,
    command: "sha256sum",
    exit_code: 1,
    duration_ms: 0,
    output: `Running the checks changed files of the delivery:\n${changed.slice(0, LISTED_MAX).join("\n")}`,
    counts: { changed: changed.length },
  });
}
