import { z } from "zod";

/** An id is one path component, one git ref component and one CEL string, so it is kept this narrow. */
export const ID_PATTERN = "^[a-z0-9][a-z0-9._-]{0,63}$";
const ID = new RegExp(ID_PATTERN);

export function isId(value: string): boolean {
  return ID.test(value) && !value.includes("..") && !value.endsWith(".") && !value.endsWith(".lock");
}

/** Id of a deliverable, task, capsule, tenant or region: 1 to 64 of `a-z 0-9 . _ -`, starting with a letter or digit. */
export const Id = z.string().refine(isId, {
  error:
    'must be 1 to 64 characters of a-z, 0-9, ".", "_" and "-", start with a letter or digit, and not contain ".." or end in "." or ".lock"',
});

/** SHA-256 in lower-case hexadecimal, 64 characters. */
export const Digest = z.string().regex(/^[0-9a-f]{64}$/);

/** A claim check: where something large lies in the artifact store. Histories and events carry only this. */
export const ArtifactRef = z.strictObject({
  digest: Digest,
  /** Bytes. */
  size: z.int().nonnegative(),
  media_type: z.string().max(100),
});
export type ArtifactRef = z.infer<typeof ArtifactRef>;
