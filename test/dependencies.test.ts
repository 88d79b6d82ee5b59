// Dependencies of delivered projects, from the real registries.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createDependencyInstaller } from "../src/stack/dependencies.ts";
import { reviewTools } from "./support/review-tools.ts";

const cache = mkdtempSync(join(tmpdir(), "kamachiq-dependencies-"));
afterAll(() => rmSync(cache, { recursive: true, force: true }));
const { python } = await reviewTools();
const installer = createDependencyInstaller({ cache, python });

const lockOf = (hash: string) => [{ path: "requirements.lock", content: `iniconfig==2.3.1 --hash=sha256:${hash}\n` }];
const HASH = /iniconfig==2\.3\.1[^#]*?sha256:(?<first>\w{64})[^#]*?sha256:(?<second>\w{64})/;
const { first = "", second = "" } =
  HASH.exec(readFileSync(new URL("../src/stack/python-requirements.txt", import.meta.url), "utf8"))?.groups ?? {};
const good = [{ path: "locks/all.lock", content: `iniconfig==2.3.1 --hash=sha256:${first} --hash=sha256:${second}\n` }];

const NPM = { name: "delivered", version: "1.0.0", dependencies: { ms: "2.1.3" } };
const INTEGRITY = "sha512-6FlzubTLZG3J2a/NVCAleEhjzq5oxgHyaCU9yYXvcLsvoVaHJq/s5xXI6/XXP6tz7R9xAOtHnSO/tXtF3WRTlA==";
const npmFiles = (integrity: string) => [
  { path: "package.json", content: JSON.stringify(NPM) },
  {
    path: "package-lock.json",
    content: JSON.stringify({
      ...NPM,
      lockfileVersion: 3,
      packages: { "": NPM, "node_modules/ms": { version: "2.1.3", integrity } },
    }),
  },
];

describe("dependencies of a delivered project", () => {
  it("installs what a Python lock names, once", async () => {
    const made = await installer.install("python", good);
    expect(made).toMatchObject({ kind: "python", packages: 1, created: true });
    expect(readdirSync(made.folder)).toContain("iniconfig");
    const [again, meanwhile] = await Promise.all([
      installer.install("python", good),
      installer.install("python", good),
    ]);
    expect(again).toEqual({ ...made, created: false });
    expect(meanwhile).toEqual(again);
  });

  it("installs what a Node lock names", async () => {
    const made = await installer.install("node", npmFiles(INTEGRITY));
    expect(made).toMatchObject({ kind: "node", packages: 1, created: true });
    expect(readdirSync(made.folder)).toContain("ms");
  });

  it.each([
    ["python", lockOf("0".repeat(64)), /DO NOT MATCH/],
    ["python", [{ path: "requirements.lock", content: "iniconfig==2.3.1\n" }], /Hashes are required/],
    ["node", npmFiles(`sha512-${"A".repeat(86)}==`), /EINTEGRITY/],
    ["node", npmFiles(INTEGRITY).slice(0, 1), /package-lock\.json is missing/],
  ] as const)(
    "refuses a %s lock that does not vouch for what comes, and leaves nothing behind",
    async (kind, files, reason) => {
      const before = readdirSync(join(cache, "dependencies"));
      await expect(installer.install(kind, files)).rejects.toMatchObject({
        code: "dependencies_failed",
        problems: expect.arrayContaining([expect.stringMatching(reason)]),
      });
      expect(readdirSync(join(cache, "dependencies"))).toEqual(before);
    },
  );
});
