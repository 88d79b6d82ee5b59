import { readFileSync } from "node:fs";
import { LineCounter, parseDocument } from "yaml";
import { InputError } from "../domain/errors.ts";

const FILE_BYTES_MAX = 1_000_000;

export interface SettingsFile {
  value: Record<string, unknown>;
  /** Line, from 1, of what is at this path, or of the nearest thing above it. */
  line(path: readonly PropertyKey[]): number;
}

/** Reads `config.yaml`; a missing file is an empty one. Throws InputError, naming the line, for what isn't a YAML mapping. */
export function readSettings(path: string): SettingsFile {
  const text = readText(path);
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, uniqueKeys: true });
  const problems = [...document.errors, ...document.warnings].map(
    (problem) => `${path}:${counter.linePos(problem.pos[0]).line}: ${problem.message.split("\n")[0]}`,
  );
  if (problems.length > 0) throw refused(path, problems);
  const value: unknown = document.toJS({ maxAliasCount: 100 }) ?? {};
  if (typeof value !== "object" || Array.isArray(value)) {
    throw refused(path, [`${path}:1: must be a mapping of settings`]);
  }
  return {
    value: value as Record<string, unknown>,
    line(keys) {
      for (let length = keys.length; length > 0; length--) {
        const node = document.getIn(keys.slice(0, length), true) as
          | { range?: [number, number, number] | null }
          | undefined;
        if (node?.range) return counter.linePos(node.range[0]).line;
      }
      return 1;
    },
  };
}

function readText(path: string): string {
  try {
    const text = readFileSync(path, "utf8");
    if (text.length <= FILE_BYTES_MAX) return text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return ""; // the home itself is refused later, by name
    throw refused(path, [`${path}: can't be read: ${(error as Error).message}`]);
  }
  throw refused(path, [`${path}: is larger than ${FILE_BYTES_MAX} bytes`]);
}

function refused(path: string, problems: string[]): InputError {
  return new InputError(`The configuration ${path} can't be read.`, {
    code: "config_invalid",
    problems,
    remedy: "Correct the lines named above, or remove the file to have the defaults.",
  });
}
