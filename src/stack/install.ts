import { randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder, requireSpace, usable } from "./home.ts";
import { isExecutable } from "./host.ts";
import { withLock } from "./lock.ts";

export type Progress = (line: string) => void;

/** All components with room to unpack them. */
export const FREE_BYTES_MIN = 500_000_000;
/** The slowest source builds for some minutes on a busy machine. */
const LOCK_WAIT_MS_MAX = 20 * 60_000;

/** One installer of `name` at a time in this cache; the others wait and then find what it installed. */
export async function installing<T>(cache: string, name: string, work: () => Promise<T>): Promise<T> {
  const folder = join(cache, "locks");
  await usable(cache, () => makeFolder(folder));
  await requireSpace(cache, FREE_BYTES_MIN);
  return withLock(join(folder, `${name}.db`), LOCK_WAIT_MS_MAX, () => usable(cache, work));
}

/** Fills a new folder and puts it at `target` in one step, so that `target` is whole or not there. For use inside `installing`. */
export async function installFolder(target: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const temporary = `${target}.part-${randomBytes(6).toString("hex")}`;
  await removeLeftovers(target);
  await mkdir(temporary, { recursive: true, mode: 0o755 });
  try {
    await fill(temporary);
    await rm(target, { recursive: true, force: true });
    await rename(temporary, target);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** What an installer that was killed left behind. */
async function removeLeftovers(target: string): Promise<void> {
  const parent = join(target, "..");
  const prefix = `${target.slice(parent.length + 1)}.part-`;
  const names = await readdir(parent).catch(() => []);
  await Promise.all(
    names
      .filter((name) => name.startsWith(prefix))
      .map((name) => rm(join(parent, name), { recursive: true, force: true })),
  );
}

/** Something of the host that was tried and found good. It counts as long as the file is the same one. */
interface Stamp {
  path: string;
  size: number;
  modified_ms: number;
  version: string;
}

/** Rights differ by user, so that what works for one must be tried for the next. */
const stampPath = (cache: string, name: string): string =>
  join(cache, "found", `${name}-${process.getuid?.() ?? "user"}.json`);

/** The executable that was found good earlier, if it is unchanged; no process is started. */
export async function readStamp(cache: string, name: string): Promise<{ path: string; version: string } | null> {
  try {
    const stamp = JSON.parse(await readFile(stampPath(cache, name), "utf8")) as Stamp;
    const file = await stat(stamp.path);
    if (file.size !== stamp.size || file.mtimeMs !== stamp.modified_ms || !(await isExecutable(stamp.path)))
      return null;
    return { path: stamp.path, version: stamp.version };
  } catch {
    return null; // none, or of another time: the component is looked for again
  }
}

export async function writeStamp(cache: string, name: string, path: string, version: string): Promise<void> {
  const file = await stat(path);
  const stamp: Stamp = { path, size: file.size, modified_ms: file.mtimeMs, version };
  await usable(cache, async () => {
    await makeFolder(join(cache, "found"));
    await writeAtomically(stampPath(cache, name), JSON.stringify(stamp));
  });
}

/** Readers see the old text or the new one, never half of one. */
export async function writeAtomically(path: string, text: string, mode = 0o600): Promise<void> {
  const temporary = `${path}.${process.pid}-${randomBytes(6).toString("hex")}`;
  await writeFile(temporary, text, { mode, flag: "wx" });
  await rename(temporary, path);
}

export async function makeExecutable(path: string): Promise<void> {
  await chmod(path, 0o755);
}
