import { closeSync, constants, fstatSync, openSync, readFileSync, realpathSync } from "node:fs";
import { extname, join, sep } from "node:path";
import { isPlainPath } from "../domain/paths.ts";
import type { Problem } from "../domain/yaml-document.ts";

const FILES_MAX = 10;
/** Bytes of a file, and of all together. */
const FILE_MAX = 1_000_000;
const TOTAL_MAX = 3_000_000;
// oxlint-disable-next-line no-control-regex -- they are what it finds
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;

/**
 * The spec with its attachments read: `docs/roadmap.md` and `{path, name}` become `{name, media_type, content}`; what
 * has a content already stays. Only regular UTF-8 files below `folder`, at most 10 of 1 MB each and 3 MB together; a
 * link may not lead out of it. What can't be read is a problem at its place in the spec.
 */
export function inlineAttachments(spec: unknown, folder: string): { value: unknown; problems: Problem[] } {
  const listed = isMap(spec) ? spec["attachments"] : undefined;
  // More than are allowed are left to the schema, unread.
  if (!isMap(spec) || !Array.isArray(listed) || listed.length > FILES_MAX) return { value: spec, problems: [] };
  const problems: Problem[] = [];
  let room = TOTAL_MAX;
  const attachments = listed.map((entry: unknown, index): unknown => {
    const named = typeof entry === "string" ? { path: entry } : entry;
    if (!isMap(named) || !Object.hasOwn(named, "path")) return entry;
    const { path, ...rest } = named;
    const place = typeof entry === "string" ? ["attachments", index] : ["attachments", index, "path"];
    const read = typeof path === "string" ? readBelow(folder, path, room) : "must be a path, as text";
    if (Object.hasOwn(rest, "content"))
      problems.push({ path: place, message: "stands beside content; keep one of them" });
    else if (typeof read === "string") problems.push({ path: place, message: read });
    else {
      room -= read.bytes;
      return { name: clean(String(path)), media_type: mediaType(String(path)), ...rest, content: read.content };
    }
    // Keeps its name, so that sources which cite it aren't reported too.
    const name = typeof path === "string" && isPlainPath(clean(path)) ? clean(path) : `unread-${index + 1}`;
    return { name, ...rest, content: "" };
  });
  return { value: { ...spec, attachments }, problems };
}

/** The file's text, or what is wrong with it. */
function readBelow(folder: string, stated: string, room: number): { content: string; bytes: number } | string {
  const path = clean(stated);
  if (!isPlainPath(path)) {
    return `"${stated}" leads out of the spec's folder or is no plain path; put the file below the folder and name it from there`;
  }
  let descriptor: number;
  try {
    const real = realpathSync(join(folder, path));
    if (!real.startsWith(`${realpathSync(folder).replace(/\/$/, "")}${sep}`)) {
      return `"${path}" is a link that leads out of the spec's folder; put the file itself there`;
    }
    // A pipe that nobody writes to must not hold the command up.
    descriptor = openSync(real, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === "ENOENT" || code === "ENOTDIR"
      ? `there is no file "${path}" below the spec's folder; mend the path or leave it out`
      : `"${path}" can't be read: ${message}`;
  }
  try {
    const file = fstatSync(descriptor);
    if (!file.isFile()) return `"${path}" is no regular file; name a file`;
    if (file.size > FILE_MAX) return `"${path}" has ${file.size} bytes; ${FILE_MAX} are allowed, so split it`;
    if (file.size > room) return `"${path}" makes the attachments larger than ${TOTAL_MAX} bytes; leave some out`;
    const bytes = readFileSync(descriptor);
    const content = decode(bytes);
    if (content === undefined) return `"${path}" is not text in UTF-8; save it as UTF-8`;
    const control = CONTROL.exec(content);
    if (control !== null) {
      const line = content.slice(0, control.index).split("\n").length;
      return `"${path}" has a control character on line ${line}; remove it`;
    }
    return { content, bytes: bytes.length };
  } finally {
    closeSync(descriptor);
  }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** `./docs/a.md` is `docs/a.md`. */
function clean(path: string): string {
  return path.replace(/^(?:\.\/)+/, "");
}

function mediaType(path: string): string {
  return /^\.(?:md|markdown)$/i.test(extname(path)) ? "text/markdown" : "text/plain";
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
