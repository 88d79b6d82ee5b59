import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { LoadedCapsule } from "../domain/capsule.ts";
import { compositionProblems } from "../domain/capsule-rules.ts";
import { InputError, NotFoundError } from "../domain/errors.ts";
import type { CapsuleLibrary } from "../ports/capsule-library.ts";
import { invalidCapsule } from "./capsule-content.ts";
import { loadCapsule } from "./capsule-files.ts";

const CAPSULES_MAX = 500;

/**
 * Loads every `*.yaml` of a folder with the folder of templates of the same name beside it.
 * A library with one bad capsule is refused whole: InputError `capsule_invalid`, each problem with file and line.
 */
export async function loadCapsuleLibrary(folder: string): Promise<CapsuleLibrary> {
  return libraryOf(await loadCapsules(folder));
}

/** Every capsule of the folder, in every version. */
export async function loadCapsules(folder: string): Promise<LoadedCapsule[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".yaml")).toSorted();
  if (names.length > CAPSULES_MAX)
    throw invalidCapsule([`${folder}: has ${names.length} capsules; ${CAPSULES_MAX} are allowed`]);
  const problems: string[] = [];
  const capsules: LoadedCapsule[] = [];
  for (const name of names) {
    const loaded = await loadCapsule(join(folder, name)).catch((error: unknown) => {
      if (!(error instanceof InputError)) throw error;
      problems.push(...error.problems);
    });
    if (loaded === undefined) continue;
    const { id, version } = loaded.capsule;
    if (capsules.some(({ capsule }) => capsule.id === id && capsule.version === version)) {
      problems.push(`${join(folder, name)}:1: id: "${id}" ${version} is there twice; change its version`);
    }
    capsules.push(loaded);
  }
  if (problems.length === 0) {
    const newest = newestOf(capsules).map(({ capsule }) => capsule);
    problems.push(...compositionProblems(newest).map(({ id, problem }) => `${join(folder, id)}.yaml:1: ${problem}`));
  }
  if (problems.length > 0) throw invalidCapsule(problems);
  return capsules;
}

/** A library of these capsules and no others. */
export function libraryOf(capsules: readonly LoadedCapsule[]): CapsuleLibrary {
  const newest = newestOf(capsules);
  return {
    list: async () => newest.map(({ capsule }) => capsule),
    get: async (id, version, digest) => {
      const found =
        version === undefined
          ? newest.find(({ capsule }) => capsule.id === id)
          : capsules.find(({ capsule }) => capsule.id === id && capsule.version === version);
      if (found === undefined) throw notInstalled(id, version, capsules);
      if (digest === undefined || found.digest === digest) return found;
      throw changed(id, found.capsule.version);
    },
  };
}

/** Of every id the newest version, by id. */
export function newestOf(capsules: readonly LoadedCapsule[]): LoadedCapsule[] {
  const newest = new Map<string, LoadedCapsule>();
  for (const loaded of capsules) {
    const { id, version } = loaded.capsule;
    const known = newest.get(id);
    if (known === undefined || newestFirst(version, known.capsule.version) < 0) newest.set(id, loaded);
  }
  return [...newest.values()].toSorted((a, b) => (a.capsule.id < b.capsule.id ? -1 : 1));
}

export function notInstalled(
  id: string,
  version: string | undefined,
  capsules: readonly Pick<LoadedCapsule, "capsule">[],
): NotFoundError {
  const known = capsules.map(({ capsule }) => `${capsule.id} ${capsule.version}`).join(", ");
  return new NotFoundError("capsule", version === undefined ? id : `${id} ${version}`, `There are: ${known}.`);
}

/** A version that is there with another content than the one that is asked for. */
export function changed(id: string, version: string): NotFoundError {
  return new NotFoundError("capsule", `${id} ${version} of this digest`, "Its content has changed since; plan again.");
}

/** Versions are three numbers; the schema sees to it. */
function newestFirst(a: string, b: string): number {
  const left = a.split(".").map(Number);
  const right = b.split(".").map(Number);
  const at = left.findIndex((part, position) => part !== right[position]);
  return at === -1 ? 0 : (right[at] ?? 0) - (left[at] ?? 0);
}
