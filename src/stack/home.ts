import { access, chmod, constants, mkdir, stat, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InputError } from "../domain/errors.ts";

const FOLDERS = ["run", "logs", "tokens", "temporal"];
/** An empty PostgreSQL and Temporal take 60 MB; below this a run would end half-way. */
export const FREE_BYTES_MIN = 200_000_000;

/** Makes the state folder, for its owner only, with what the stack needs in it. Throws `home_unusable`, naming the folder. */
export async function prepareHome(home: string): Promise<void> {
  await usable(home, async () => {
    await makeFolder(home);
    await chmod(home, 0o700);
    await Promise.all(FOLDERS.map((name) => makeFolder(join(home, name))));
    await Promise.all([home, ...FOLDERS.map((name) => join(home, name))].map((path) => access(path, constants.W_OK)));
  });
  await requireSpace(home, FREE_BYTES_MIN);
}

/** Throws `home_unusable` when the disk of `folder` has less than `bytes` for us. */
export async function requireSpace(folder: string, bytes: number): Promise<void> {
  const free = await freeBytes(folder);
  if (free < bytes) throw unusable(folder, `its disk has ${megabytes(free)} left, and ${megabytes(bytes)} are needed`);
}

/** Makes a folder, for its owner only, and those above it. Node's own way never ends in a file system that allows no folders. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdirOnce(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" || path === dirname(path)) throw error;
    await makeFolder(dirname(path));
    await mkdirOnce(path);
  }
}

async function mkdirOnce(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    // It may be there, or another process may have been faster.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST" || !(await stat(path)).isDirectory()) throw error;
  }
}

/** Runs `work` on a folder and says of what folder it was that could not be used. */
export async function usable<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "";
    const why: Record<string, string> = {
      EACCES: "it may not be written",
      EPERM: "it belongs to someone else",
      EROFS: "its file system is read-only",
      ENOSPC: "its disk is full",
      EDQUOT: "the disk quota is used up",
      ENOTDIR: "something above it is no folder",
      EEXIST: "there is a file of that name",
      ENAMETOOLONG: "its name is too long",
      ENOENT: "it can't be made there",
    };
    if (why[code] === undefined) throw error;
    throw unusable(folder, why[code], error);
  }
}

function unusable(folder: string, why: string, cause?: unknown): InputError {
  return new InputError(`The folder ${folder} can't be used: ${why}.`, {
    code: "home_unusable",
    remedy:
      "Make room or set its rights, or name another folder: --home DIR or KAMACHIQ_HOME for state, KAMACHIQ_CACHE for components.",
    cause,
  });
}

/** Bytes that we may still write on the disk of `folder`, or of the nearest folder above it that exists. */
export async function freeBytes(folder: string): Promise<number> {
  for (let path = folder; ; path = dirname(path)) {
    const disk = await statfs(path).catch(() => null);
    if (disk !== null) return disk.bavail * disk.bsize;
    if (path === dirname(path)) return 0;
  }
}

export const megabytes = (bytes: number): string =>
  `${(bytes / 1e6).toFixed(bytes < 1e6 ? 2 : bytes < 1e7 ? 1 : 0)} MB`;
