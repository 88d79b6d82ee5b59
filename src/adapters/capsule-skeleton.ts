import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { wordsOf } from "../domain/capsule-words.ts";
import { InputError } from "../domain/errors.ts";

const SKELETON = fileURLToPath(new URL("capsule-skeleton", import.meta.url));
/** The published schema that editors check with. */
const SCHEMA = fileURLToPath(new URL("../../docs/schemas/capsule.v1.json", import.meta.url));

/**
 * Writes a small capsule that works into `folder`: `ID.yaml` and the folder `ID`. Answers the paths written.
 * Throws InputError `capsule_exists` and writes nothing when one of both is there.
 */
export async function writeSkeleton(id: string, folder: string): Promise<string[]> {
  const yaml = join(folder, `${id}.yaml`);
  const templates = join(folder, id);
  await mkdir(folder, { recursive: true });
  const there = (await readdir(folder)).find((name) => name === `${id}.yaml` || name === id);
  if (there !== undefined) {
    throw new InputError(`${join(folder, there)} is there already.`, {
      code: "capsule_exists",
      remedy: "Choose another id, or move it away.",
    });
  }
  const schema = relative(folder, SCHEMA).split(sep).join("/");
  const text = (await readFile(join(SKELETON, "capsule.yaml"), "utf8"))
    .replace("__SCHEMA__", schema)
    .replace("__ID__", id)
    .replace("__WORDS__", JSON.stringify(wordsOf(id).trim()));
  const written = [yaml];
  await writeFile(yaml, text, { flag: "wx" });
  const source = join(SKELETON, "templates");
  const entries = await readdir(source, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((one) => one.isFile())) {
    const from = join(entry.parentPath, entry.name);
    const to = join(templates, relative(source, from));
    await mkdir(dirname(to), { recursive: true });
    await writeFile(to, await readFile(from), { flag: "wx" });
    written.push(to);
  }
  return written;
}
