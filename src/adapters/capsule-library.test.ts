import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { InputError, NotFoundError } from "../domain/errors.ts";
import { loadCapsuleLibrary } from "./capsule-library.ts";

const CAPSULES = fileURLToPath(new URL("../../services/task-capsule-repo/app/capsules", import.meta.url));
const GOOD = `id: small
version: 1.0.0
summary: A small one
type: delivery
stack: python
persona: developer
tasks:
  - id: one
    type: docs
    description: Write it
    checks: [compile]
    success_criteria: [{ id: done, text: It is written }]
    files: [{ path: README.md, template: readme.liquid }]
`;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "capsules-"));
  mkdirSync(join(folder, "small"));
  writeFileSync(join(folder, "small.yaml"), GOOD);
  writeFileSync(join(folder, "small/readme.liquid"), "# {{ spec.name }}\n");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function problems(): Promise<string> {
  const error: unknown = await loadCapsuleLibrary(folder).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(InputError);
  return (error as InputError).problems.join("\n");
}

describe("loadCapsuleLibrary", () => {
  it("loads the product's own capsules", async () => {
    const library = await loadCapsuleLibrary(CAPSULES);
    const ids = (await library.list()).map(({ id }) => id);
    expect(ids).toEqual(
      expect.arrayContaining(["kamachiq_governance_review", "kamachiq_project_planner", "python_cli"]),
    );
    const { capsule } = await library.get("python_cli");
    const { properties } = capsule.parameters as { properties: { operations: { items: { enum: string[] } } } };
    expect(Object.keys(capsule.catalog["operations"] as object).toSorted()).toEqual(
      properties.operations.items.enum.toSorted(),
    );
  });

  it("gives a digest that any change of content changes", async () => {
    const { digest } = await (await loadCapsuleLibrary(folder)).get("small", "1.0.0");
    writeFileSync(join(folder, "small/readme.liquid"), "# {{ spec.name }}!\n");
    expect((await (await loadCapsuleLibrary(folder)).get("small")).digest).not.toBe(digest);
  });

  it("keeps versions side by side and gives the newest", async () => {
    writeFileSync(join(folder, "small@10.yaml"), GOOD.replace("1.0.0", "10.0.0"));
    cpSync(join(folder, "small"), join(folder, "small@10"), { recursive: true });
    const library = await loadCapsuleLibrary(folder);
    expect((await library.get("small")).capsule.version).toBe("10.0.0");
    expect((await library.get("small", "1.0.0")).capsule.version).toBe("1.0.0");
    await expect(library.get("small", "2.0.0")).rejects.toThrow(NotFoundError);
  });

  it.each([
    [
      "unknown fields",
      GOOD.replace("persona:", "personna:"),
      /small\.yaml:6: personna: unknown field; did you mean "persona"\?/,
    ],
    [
      "a template that is not there",
      GOOD.replace("readme.liquid", "../small.yaml"),
      /template "\.\.\/small\.yaml" is not there/,
    ],
    [
      "an unknown dependency",
      GOOD.replace("checks:", "dependencies: [two]\n    checks:"),
      /"one" depends on "two", which is not there/,
    ],
    ["another id than the file's", GOOD.replace("id: small", "id: large"), /id: must be the file's name/],
  ])("refuses %s", async (_, text, expected) => {
    writeFileSync(join(folder, "small.yaml"), text);
    expect(await problems()).toMatch(expected);
  });

  it("refuses wrong syntax in a template, by line", async () => {
    writeFileSync(join(folder, "small/readme.liquid"), "a\n{% if %}\n");
    expect(await problems()).toMatch(/template "readme\.liquid".*line:2/);
  });

  it("refuses symbolic links, large files and the same version twice", async () => {
    symlinkSync("/etc/passwd", join(folder, "small/passwd"));
    expect(await problems()).toMatch(/passwd: is no plain file/);
    rmSync(join(folder, "small/passwd"));
    writeFileSync(join(folder, "small/large"), "x".repeat(600_000));
    expect(await problems()).toMatch(/large: too large/);
    rmSync(join(folder, "small/large"));
    writeFileSync(join(folder, "small@b.yaml"), GOOD);
    cpSync(join(folder, "small"), join(folder, "small@b"), { recursive: true });
    expect(await problems()).toMatch(/"small" 1\.0\.0 is there twice/);
  });
});
