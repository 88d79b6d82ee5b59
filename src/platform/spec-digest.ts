import type { ProjectSpec } from "../domain/intake.ts";
import { canonicalJson, sha256 } from "./digest.ts";

/** SHA-256 of a spec, whatever its file's format and order of keys. */
export function specDigest(spec: ProjectSpec): string {
  return sha256(canonicalJson(spec));
}
