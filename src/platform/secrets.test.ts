import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { resolveSecret } from "./secrets.ts";

const folder = mkdtempSync(join(tmpdir(), "secrets-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("resolveSecret", () => {
  it("reads a variable or a file, without the white space around it", async () => {
    writeFileSync(join(folder, "key"), "s3cret\n");
    expect(await resolveSecret("env:KEY", { KEY: " s3cret " })).toBe("s3cret");
    expect(await resolveSecret(`file:${join(folder, "key")}`)).toBe("s3cret");
  });

  it.each(["env:NONE", "env:EMPTY", `file:${join(folder, "none")}`, `file:${folder}`, "vault:x", "plain"])(
    "refuses %s by its reference",
    async (reference) => {
      await expect(resolveSecret(reference, { EMPTY: " " })).rejects.toMatchObject({
        code: "secret_missing",
        message: expect.stringContaining(reference) as string,
      });
    },
  );
});
