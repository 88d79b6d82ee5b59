import { readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { InputError } from "../domain/errors.ts";
import type { ProjectSpec } from "../domain/intake.ts";
import { parseSpec } from "../domain/spec-document.ts";
import { inlineAttachments } from "./attachments.ts";

/** Larger files are refused unread, in bytes. */
const SPEC_MAX = 1_000_000;

/**
 * Reads and checks a spec, in YAML or JSON, with the attachments that it names by path, before anything else happens,
 * so that bad input leaves nothing behind.
 */
export async function readSpec(path: string): Promise<ProjectSpec> {
  const { size } = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new InputError(
      `${path} can't be read: ${error.code === "ENOENT" ? "there is no such file" : error.message}.`,
      {
        code: "spec_unreadable",
      },
    );
  });
  if (size > SPEC_MAX) {
    throw new InputError(`${path} has ${size} bytes; a spec may have ${SPEC_MAX}.`, {
      code: "spec_too_large",
      remedy: "Keep large texts in files of their own and name them as attachments.",
    });
  }
  const content = await readFile(path).catch((error: Error) => {
    throw new InputError(`${path} can't be read: ${error.message}.`, { code: "spec_unreadable" });
  });
  return parseSpec(decode(content, path), path, (value) => inlineAttachments(value, dirname(path)));
}

function decode(content: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch {
    throw new InputError(`${path} is not text in UTF-8.`, { code: "spec_unreadable", remedy: "Save it as UTF-8." });
  }
}
