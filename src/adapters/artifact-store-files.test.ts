import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createFileArtifactStore } from "./artifact-store-files.ts";

const folder = await mkdtemp(join(tmpdir(), "kamachiq-artifacts-"));
const store = createFileArtifactStore(join(folder, "not", "there", "yet"));
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the artifact store", () => {
  it("gives back the bytes that it was given, by their digest", async () => {
    const ref = await store.put('{"a":1}', "application/json");
    expect(ref).toEqual({ digest: expect.stringMatching(/^[0-9a-f]{64}$/), size: 7, media_type: "application/json" });
    expect(await store.getJson(ref)).toEqual({ a: 1 });
  });

  it("keeps the same bytes once, though many write them at once, and leaves no part behind", async () => {
    const refs = await Promise.all(Array.from({ length: 20 }, () => store.put("the same", "text/plain")));
    expect(new Set(refs.map((ref) => ref.digest)).size).toBe(1);
    const names = await readdir(join(folder, "not", "there", "yet"), { recursive: true });
    expect(names.filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  it("says when an artifact is missing or was changed on disk", async () => {
    const ref = await store.put("whole", "text/plain");
    await writeFile(join(folder, "not", "there", "yet", ref.digest.slice(0, 2), ref.digest), "cracked");
    await expect(store.get(ref)).rejects.toMatchObject({ code: "artifact_corrupt" });
    await expect(store.get({ ...ref, digest: "0".repeat(64) })).rejects.toMatchObject({ code: "not_found" });
  });
});
