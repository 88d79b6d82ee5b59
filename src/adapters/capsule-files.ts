import { lstat, readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { CAPSULE_LIMITS, type CapsuleContent, type LoadedCapsule } from "../domain/capsule.ts";
import { lineFinder } from "../domain/yaml-document.ts";
import { examineCapsule, folderOf, invalidCapsule } from "./capsule-content.ts";

const DEPTH_MAX = 8;

/** A capsule from its YAML file and the folder beside it. Throws InputError `capsule_invalid`. */
export async function loadCapsule(file: string): Promise<LoadedCapsule> {
  const { loaded, problems } = await examineFiles(file);
  if (problems.length > 0) throw invalidCapsule(problems);
  return loaded;
}

/** A capsule with the problems that it has by itself. Throws InputError where it can't be read at all. */
export async function examineFiles(file: string): Promise<{ loaded: LoadedCapsule; problems: string[] }> {
  const { loaded, problems } = examineCapsule(await readCapsuleFiles(file), file);
  if (loaded.capsule.id !== basename(file, ".yaml").split("@")[0]) {
    problems.push(`${file}:${lineFinder(loaded.yaml)(["id"])}: id: must be the file's name without ".yaml"`);
  }
  return { loaded, problems };
}

/** The text of a capsule's files, within the limits. Throws InputError `capsule_invalid`. */
export async function readCapsuleFiles(file: string): Promise<CapsuleContent> {
  const status = await lstat(file).catch(() => undefined);
  if (status?.isFile() !== true || !file.endsWith(".yaml")) {
    throw invalidCapsule([`${file}: is not a plain file that ends in ".yaml"`]);
  }
  if (status.size > CAPSULE_LIMITS.yaml)
    throw invalidCapsule([`${file}: has ${status.size} bytes; ${CAPSULE_LIMITS.yaml} are allowed`]);
  return { yaml: await readFile(file, "utf8"), templates: Object.fromEntries(await readTemplates(folderOf(file))) };
}

/** Every file below the folder by its relative path. Symbolic links are refused: they could lead anywhere. */
async function readTemplates(root: string): Promise<Map<string, string>> {
  const templates = new Map<string, string>();
  let room: number = CAPSULE_LIMITS.total;
  const walk = async (relative: string, depth: number): Promise<void> => {
    const entries = await readdir(join(root, relative), { withFileTypes: true });
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = relative === "" ? entry.name : `${relative}/${entry.name}`;
      const where = join(root, path);
      if (entry.isDirectory() && depth < DEPTH_MAX) await walk(path, depth + 1);
      else if (!entry.isFile())
        throw invalidCapsule([`${where}: is no plain file and no folder of at most ${DEPTH_MAX} levels`]);
      else {
        const { size } = await lstat(where);
        room -= size;
        if (size > CAPSULE_LIMITS.template || room < 0 || templates.size >= CAPSULE_LIMITS.templates) {
          throw invalidCapsule([
            `${where}: too large, or too many templates (${CAPSULE_LIMITS.templates}, ${CAPSULE_LIMITS.template} bytes each)`,
          ]);
        }
        templates.set(path, await readFile(where, "utf8"));
      }
    }
  };
  const status = await lstat(root).catch(() => undefined);
  if (status?.isDirectory() === true) await walk("", 0);
  else if (status !== undefined) throw invalidCapsule([`${root}: is not a folder`]);
  return templates;
}
