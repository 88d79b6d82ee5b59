import { readFile, stat } from "node:fs/promises";
import { InputError } from "../domain/errors.ts";

/** A text file in UTF-8 of at most `bytes_max`. Throws InputError with `code`, before anything else has happened. */
export async function readTextFile(path: string, bytes_max: number, code: string): Promise<string> {
  const { size } = await stat(path).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === "ENOENT" ? "there is no such file" : error.message;
    throw new InputError(`${path} can't be read: ${why}.`, { code });
  });
  if (size > bytes_max) throw new InputError(`${path} has ${size} bytes; ${bytes_max} are allowed.`, { code });
  const content = await readFile(path).catch((error: Error) => {
    throw new InputError(`${path} can't be read: ${error.message}.`, { code });
  });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch {
    throw new InputError(`${path} is not text in UTF-8.`, { code, remedy: "Save it as UTF-8." });
  }
}
