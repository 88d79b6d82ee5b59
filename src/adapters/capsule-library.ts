import { lstat, readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { Capsule, type LoadedCapsule } from "../domain/capsule.ts";
import { capsuleProblems, compositionProblems } from "../domain/capsule-rules.ts";
import { InputError, NotFoundError } from "../domain/errors.ts";
import { readDocument } from "../domain/yaml-document.ts";
import { canonicalJson, sha256 } from "../platform/digest.ts";
import type { CapsuleLibrary } from "../ports/capsule-library.ts";
import { createTemplateEngine } from "./template-engine.ts";

const CAPSULES_MAX = 500;
const TEMPLATES_MAX = 500;
const TEMPLATE_BYTES_MAX = 500_000;
const CAPSULE_BYTES_MAX = 1_000_000;
const DEPTH_MAX = 8;

/**
 * Loads every `*.yaml` of a folder with the folder of templates of the same name beside it.
 * A library with one bad capsule is refused whole: InputError `capsule_invalid`, each problem with file and line.
 */
export async function loadCapsuleLibrary(folder: string): Promise<CapsuleLibrary> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".yaml")).toSorted();
  if (names.length > CAPSULES_MAX)
    throw invalid([`${folder}: has ${names.length} capsules; ${CAPSULES_MAX} are allowed`]);
  const problems: string[] = [];
  const byId = new Map<string, LoadedCapsule[]>();
  for (const name of names) {
    const loaded = await load(join(folder, name)).catch((error: unknown) => {
      if (!(error instanceof InputError)) throw error;
      problems.push(...error.problems);
    });
    if (loaded === undefined) continue;
    const { id, version } = loaded.capsule;
    const versions = byId.get(id) ?? [];
    if (versions.some(({ capsule }) => capsule.version === version)) {
      problems.push(`${join(folder, name)}:1: id: "${id}" ${version} is there twice; change its version`);
    }
    byId.set(
      id,
      [...versions, loaded].toSorted((a, b) => newestFirst(a.capsule.version, b.capsule.version)),
    );
  }
  const newest = [...byId.values()].flatMap(([loaded]) => (loaded === undefined ? [] : [loaded.capsule]));
  if (problems.length === 0) {
    problems.push(...compositionProblems(newest).map(({ id, problem }) => `${join(folder, id)}.yaml:1: ${problem}`));
  }
  if (problems.length > 0) throw invalid(problems);
  return {
    list: async () => [...byId.values()].flat().map(({ capsule }) => capsule),
    get: async (id, version) => {
      const found = byId.get(id)?.find(({ capsule }) => version === undefined || capsule.version === version);
      if (found !== undefined) return found;
      const known = [...byId.values()].flat().map(({ capsule }) => `${capsule.id} ${capsule.version}`);
      throw new NotFoundError(
        "capsule",
        version === undefined ? id : `${id} ${version}`,
        `There are: ${known.join(", ")}.`,
      );
    },
  };
}

/** Versions are three numbers; the schema sees to it. */
function newestFirst(a: string, b: string): number {
  const left = a.split(".").map(Number);
  const right = b.split(".").map(Number);
  const at = left.findIndex((part, position) => part !== right[position]);
  return at === -1 ? 0 : (right[at] ?? 0) - (left[at] ?? 0);
}

function invalid(problems: string[]): InputError {
  return new InputError("The capsule library is not valid.", {
    code: "capsule_invalid",
    problems,
    remedy: "Mend the lines named above; no capsule is used until all are valid.",
  });
}

async function load(file: string): Promise<LoadedCapsule> {
  const status = await lstat(file);
  if (!status.isFile()) throw invalid([`${file}: is not a plain file`]);
  if (status.size > CAPSULE_BYTES_MAX)
    throw invalid([`${file}: has ${status.size} bytes; ${CAPSULE_BYTES_MAX} are allowed`]);
  const text = await readFile(file, "utf8");
  const remedy = "Mend the lines named above.";
  const capsule = readDocument(text, file, { schema: Capsule, noun: "capsule", code: "capsule_invalid", remedy });
  const templates = await readTemplates(file.slice(0, -".yaml".length));
  const problems = [...capsuleProblems(capsule, templates), ...unparsable(templates)];
  if (capsule.id !== basename(file, ".yaml").split("@")[0])
    problems.push(`id: must be the file's name without ".yaml"`);
  if (problems.length > 0) throw invalid(problems.map((problem) => `${file}:1: ${problem}`));
  const digest = sha256(canonicalJson({ yaml: text, templates: Object.fromEntries(templates) }));
  return { capsule, digest, templates };
}

/** Every file below the folder by its relative path. Symbolic links are refused: they could lead anywhere. */
async function readTemplates(root: string): Promise<Map<string, string>> {
  const templates = new Map<string, string>();
  let room = CAPSULE_BYTES_MAX * 5;
  const walk = async (relative: string, depth: number): Promise<void> => {
    const entries = await readdir(join(root, relative), { withFileTypes: true });
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = relative === "" ? entry.name : `${relative}/${entry.name}`;
      const where = join(root, path);
      if (entry.isDirectory() && depth < DEPTH_MAX) await walk(path, depth + 1);
      else if (!entry.isFile())
        throw invalid([`${where}: is no plain file and no folder of at most ${DEPTH_MAX} levels`]);
      else {
        const { size } = await lstat(where);
        room -= size;
        if (size > TEMPLATE_BYTES_MAX || room < 0 || templates.size >= TEMPLATES_MAX) {
          throw invalid([
            `${where}: too large, or too many templates (${TEMPLATES_MAX}, ${TEMPLATE_BYTES_MAX} bytes each)`,
          ]);
        }
        templates.set(path, await readFile(where, "utf8"));
      }
    }
  };
  const status = await lstat(root).catch(() => undefined);
  if (status?.isDirectory() === true) await walk("", 0);
  else if (status !== undefined) throw invalid([`${root}: is not a folder`]);
  return templates;
}

/** Templates with a mistake in their syntax. */
function unparsable(templates: ReadonlyMap<string, string>): string[] {
  const engine = createTemplateEngine(templates);
  return [...templates.keys()].flatMap((path) => engine.check(path) ?? []);
}
