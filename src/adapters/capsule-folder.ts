import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { LoadedCapsule } from "../domain/capsule.ts";
import { loadCapsules } from "./capsule-library.ts";

/** The folder is looked at this often at most, in milliseconds. */
const LOOK_MS = 1_000;

/**
 * The capsules of a folder as it is now: a change is seen within a second. A change that breaks a capsule is told to
 * `onProblem` once, and what was there before stays. The first call throws InputError `capsule_invalid` instead.
 */
export function watchCapsuleFolder(
  folder: string,
  onProblem: (error: unknown) => void,
): () => Promise<readonly LoadedCapsule[]> {
  let looked = 0;
  let seen = "";
  let capsules: readonly LoadedCapsule[] | undefined;
  let looking: Promise<void> | undefined;

  const look = async (): Promise<void> => {
    const print = await fingerprint(folder);
    if (print !== seen) {
      const loaded = await loadCapsules(folder).catch((error: unknown) => {
        if (capsules === undefined) throw error;
        onProblem(error);
      });
      [seen, capsules] = [print, loaded ?? capsules];
    }
    looked = performance.now();
  };
  return async () => {
    if (capsules === undefined || performance.now() - looked > LOOK_MS) {
      looking ??= look().finally(() => (looking = undefined));
      await looking;
    }
    return capsules ?? [];
  };
}

/** Differs whenever a file came, went or was written. */
async function fingerprint(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const lines = await Promise.all(
    entries.map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      const status = await stat(path).catch(() => undefined);
      return `${path} ${status?.mtimeMs} ${status?.size} ${status?.ino}`;
    }),
  );
  return lines.toSorted().join("\n");
}
