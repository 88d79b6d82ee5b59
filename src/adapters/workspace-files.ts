import { constants } from "node:fs";
import { lstat, mkdir, open, realpath, rename, rm } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { dirname, join } from "node:path";
import { InputError } from "../domain/errors.ts";
import { isPlainPath } from "../domain/paths.ts";

const FILE_BYTES_MAX = 1_000_000;

/** Reads a text file below the workspace. Refuses whatever a symbolic link could lead to. Null: it is not there. */
export async function readBelow(workspace: string, path: string): Promise<string | null> {
  await safeFolder(workspace, path, false);
  const file = await open(
    join(workspace, path),
    constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
  ).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return null;
    throw error.code === "ELOOP" ? escape(path) : error;
  });
  if (file === null) return null;
  try {
    const status = await file.stat();
    if (!status.isFile() || status.size > FILE_BYTES_MAX) throw escape(path);
    return await file.readFile("utf8");
  } finally {
    await file.close();
  }
}

/** Writes a text file below the workspace, as a whole or not at all; a link at the path is refused, never followed. */
export async function writeBelow(workspace: string, path: string, content: string): Promise<void> {
  await safeFolder(workspace, path, true);
  const target = join(workspace, path);
  const there = await lstat(target).catch(() => null);
  if (there !== null && !there.isFile()) throw escape(path);
  const draft = join(dirname(target), `.${randomBytes(8).toString("hex")}.draft`);
  try {
    const file = await open(
      draft,
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      0o644,
    );
    try {
      await file.writeFile(content, "utf8");
    } finally {
      await file.close();
    }
    await rename(draft, target);
  } finally {
    await rm(draft, { force: true });
  }
}

/** Walks to the path's folder; each step must be a real folder of the workspace, and is made where `create` says so. */
async function safeFolder(workspace: string, path: string, create: boolean): Promise<void> {
  if (!isPlainPath(path)) throw escape(path);
  let folder = await realpath(workspace);
  for (const part of path.split("/").slice(0, -1)) {
    folder = join(folder, part);
    if (create) {
      await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== "EEXIST") throw error;
      });
    }
    const status = await lstat(folder).catch(() => null);
    if (status === null) return; // nothing to read below it
    if (!status.isDirectory()) throw escape(path);
  }
}

function escape(path: string): InputError {
  return new InputError(`The path ${JSON.stringify(path)} leaves the workspace or is no plain file.`, {
    code: "path_invalid",
    remedy: "Remove the link or special file from the repository.",
  });
}
