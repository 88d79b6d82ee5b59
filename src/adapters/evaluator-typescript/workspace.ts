import { chmod, cp, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { ReviewNode } from "./run.ts";

/** A folder with the programs that commands find on PATH. The caller removes it. */
export async function makeLaunchers({ node, tsc }: ReviewNode): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "kamachiq-launchers-"));
  await symlink(node, join(folder, "node"));
  await writeFile(join(folder, "tsc"), `#!/bin/sh\nexec "${node}" "${tsc}" "$@"\n`);
  await chmod(join(folder, "tsc"), 0o755);
  return folder;
}

/** Puts the installed packages in place of whatever the delivery has there: its lock file decides, not its files. */
export async function linkModules(tree: string, modules: string | undefined): Promise<void> {
  if (modules === undefined) return;
  await rm(join(tree, "node_modules"), { recursive: true, force: true });
  await symlink(modules, join(tree, "node_modules"));
}

/** A copy of the tree to build in, so that the tree itself stays as delivered. The caller removes it. */
export async function copyTree(tree: string): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), "kamachiq-copy-"));
  await cp(tree, copy, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (source) => basename(source) !== ".git",
  });
  return copy;
}
