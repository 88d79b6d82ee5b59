import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { KamachiqError, NotFoundError } from "../domain/errors.ts";
import type { ArtifactRef } from "../domain/ids.ts";
import type { ArtifactStore } from "../ports/artifact-store.ts";
import { sha256 } from "../platform/digest.ts";

/** Largest artifact, in bytes. */
const ARTIFACT_BYTES_MAX = 64 * 1024 * 1024;

/** Artifacts as files named by their digest below `folder`. A file is there whole and on disk, or not at all. */
export function createFileArtifactStore(folder: string): ArtifactStore {
  const pathOf = (digest: string): string => join(folder, digest.slice(0, 2), digest);
  return {
    async put(content, media_type) {
      const bytes = typeof content === "string" ? Buffer.from(content) : content;
      if (bytes.length > ARTIFACT_BYTES_MAX) {
        throw new KamachiqError(`An artifact has ${bytes.length} bytes; the limit is ${ARTIFACT_BYTES_MAX}.`, {
          code: "artifact_too_large",
        });
      }
      const ref: ArtifactRef = { digest: sha256(bytes), size: bytes.length, media_type };
      const path = pathOf(ref.digest);
      if (!(await exists(path))) await write(path, bytes);
      return ref;
    },

    async get({ digest }) {
      const bytes = await readFile(pathOf(digest)).catch((error: NodeJS.ErrnoException) => {
        throw error.code === "ENOENT" ? new NotFoundError("artifact", digest) : error;
      });
      if (sha256(bytes) === digest) return bytes;
      throw new KamachiqError(`Artifact ${digest} was changed on disk.`, { code: "artifact_corrupt" });
    },

    async getJson(ref) {
      return JSON.parse(Buffer.from(await this.get(ref)).toString("utf8")) as unknown;
    },
  };
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Nothing may refer to an artifact that a power cut takes back: file, name and folder are on disk when this returns. */
async function write(path: string, bytes: Uint8Array): Promise<void> {
  const folder = dirname(path);
  const made = await mkdir(folder, { recursive: true, mode: 0o700 });
  const part = `${path}.${randomBytes(6).toString("hex")}.part`;
  const file = await open(part, "wx", 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(part, path);
  await syncFolder(folder);
  if (made !== undefined) for (const above of new Set([dirname(folder), dirname(made)])) await syncFolder(above);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
