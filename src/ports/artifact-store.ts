import type { ArtifactRef } from "../domain/ids.ts";

/** Content-addressed: the same bytes are one artifact. */
export interface ArtifactStore {
  put(content: string | Uint8Array, mediaType: string): Promise<ArtifactRef>;
  /** Fails with NotFoundError, or with a KamachiqError when the bytes don't match the digest. */
  get(ref: ArtifactRef): Promise<Uint8Array>;
  /** Parsed JSON, not validated. */
  getJson(ref: ArtifactRef): Promise<unknown>;
}
