// What an author of a capsule does, from nothing to a project that was delivered with it.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { CapsuleDetail, CapsuleView, InstallationView } from "../src/api/capsule-views.ts";
import type { CapsuleTestReport, CapsuleValidation } from "../src/domain/capsule-report.ts";
import { Kamachiq, parseRun } from "./support/kamachiq.ts";

const kamachiq = await Kamachiq.create();
afterAll(() => kamachiq.dispose());

const folder = join(kamachiq.folder, "capsules");
const file = join(folder, "greeter.yaml");

/** The capsule file after a change to its text, undone afterwards. */
async function changed<T>(from: string, to: string, work: () => Promise<T>): Promise<T> {
  const text = await readFile(file, "utf8");
  expect(text).toContain(from);
  await writeFile(file, text.replace(from, to));
  try {
    return await work();
  } finally {
    await writeFile(file, text);
  }
}

describe("kamachiq capsule", () => {
  it("new writes a capsule that is valid, passes its tests and overwrites nothing", async () => {
    const made = await kamachiq.json<{ capsule: string; templates: string[] }>([
      "capsule",
      "new",
      "greeter",
      "--dir",
      folder,
    ]);
    expect(made.capsule).toBe(file);
    const [schema] = /\S+capsule\.v1\.json/.exec(await readFile(file, "utf8")) ?? [""];
    expect(JSON.parse(await readFile(join(folder, schema.replace("$schema=", "")), "utf8"))).toHaveProperty("$id");
    const valid = await kamachiq.json<CapsuleValidation>(["capsule", "validate", file]);
    expect(valid).toMatchObject({ valid: true, id: "greeter", version: "0.1.0", problems: [], tests: 2 });
    const report = await kamachiq.json<CapsuleTestReport>(["capsule", "test", file]);
    expect(report.cases.map(({ name, problems }) => [name, problems])).toEqual([
      ["plain", []],
      ["other-words", []],
    ]);
    for (const { checks } of report.cases) {
      expect(checks.map(({ check }) => check)).toEqual(
        expect.arrayContaining(["tests", "readme", "greets", "mutants"]),
      );
    }
    const again = await kamachiq.run(["capsule", "new", "greeter", "--dir", folder]);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("is there already")]);
    expect((await kamachiq.run(["capsule", "new", "../up", "--dir", folder])).code).toBe(2);
  });

  it("validate names every problem with its line", async () => {
    const outcome = await changed("check: greets }", "check: sings }", () =>
      changed("dependencies: [package]", "dependencies: [packages]", () => kamachiq.run(["capsule", "validate", file])),
    );
    expect(outcome.code).toBe(2);
    const lines = (await readFile(file, "utf8")).split("\n");
    const [criterion, dependency] = ["check: greets }", "dependencies: [package]"].map(
      (text) => lines.findIndex((line) => line.includes(text)) + 1,
    );
    expect(outcome.stderr).toContain(
      `greeter.yaml:${dependency}: tasks: "tests" depends on "packages", which is not there`,
    );
    expect(outcome.stderr).toContain(
      `greeter.yaml:${criterion}: tasks: criterion "greets" of "package" names the check "sings"`,
    );
    const missing = await kamachiq.run(["capsule", "validate", join(folder, "nothing.yaml")]);
    expect(missing.code).toBe(2);
  });

  it("test fails for a capsule whose delivery does not hold", async () => {
    const outcome = await changed('stdout: "{{ parameters.greeting }}, Ada!"', 'stdout: "Goodbye, Ada!"', () =>
      kamachiq.run(["capsule", "test", file]),
    );
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toMatch(
      /failed {2}plain: 7 files, 7 of 8 checks passed[\s\S]*greets: [\s\S]*0 of 2 cases passed/,
    );
    const text = await changed('["Good day, "]', '["Good night, "]', () => kamachiq.run(["capsule", "test", file]));
    expect(text.code).toBe(1);
    expect(text.stdout).toContain('src/salute/greeting.py does not contain "Good night, "');
    const invalid = await changed("stack: python", "stack: cobol", () => kamachiq.run(["capsule", "test", file]));
    expect(invalid.code).toBe(2);
  });

  it("publishes, installs and delivers, and rolls back", async () => {
    const published = await kamachiq.json<CapsuleView>(["capsule", "publish", file]);
    expect(published).toMatchObject({ id: "greeter", version: "0.1.0", in_force: false });
    const installed = await kamachiq.json<InstallationView>(["capsule", "install", "greeter@0.1.0"]);
    expect(installed).toMatchObject({ version: "0.1.0", in_force: true });
    const spec = await kamachiq.file(
      "spec.yaml",
      "name: hello\ngoals: [Write a greeter]\nbudget: { tokens: 100000 }\n",
    );
    const outcome = await kamachiq.run(["run", spec, "--json"]);
    const { result } = parseRun(outcome.stdout);
    expect(outcome.code, outcome.stderr + outcome.stdout).toBe(0);
    expect(result).toMatchObject({ state: "delivered" });
    expect(result?.quality_score).toBeGreaterThan(0.95);

    await changed("version: 0.1.0", "version: 0.2.0", () => kamachiq.run(["capsule", "publish", file]));
    expect((await kamachiq.run(["capsule", "install", "greeter"])).stdout).toContain("greeter 0.2.0 is in force");
    expect((await kamachiq.run(["capsule", "list"])).stdout).toMatch(/^greeter +0\.2\.0 +in force/m);
    expect((await kamachiq.run(["capsule", "rollback", "greeter"])).stdout).toContain("greeter 0.1.0 is in force");
    const shown = await kamachiq.json<CapsuleDetail>(["capsule", "show", "greeter"]);
    expect(shown).toMatchObject({ version: "0.1.0", in_force: true });
    expect(shown.versions.map(({ version }) => version)).toEqual(["0.2.0", "0.1.0"]);
    const text = await kamachiq.run(["capsule", "show", "greeter@0.2.0"]);
    expect(text.stdout).toMatch(/^greeter 0\.2\.0, delivery, python\n[\s\S]*published: 0\.2\.0, 0\.1\.0\n$/);
    const nothing = await kamachiq.run(["capsule", "rollback", "python_cli"]);
    expect(nothing.code).toBe(2);
  });
});
