// Docs tell the truth: every command that they show is run, in the order in which a reader meets it.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { ProjectView } from "../src/api/views.ts";
import { VARIABLES } from "../src/config/concerns.ts";
import { Kamachiq, ROOT } from "./support/kamachiq.ts";

const kamachiq = await Kamachiq.create();
afterAll(() => kamachiq.dispose());

const read = (name: string): string => readFileSync(join(ROOT, name), "utf8");
const docs = ["README.md", "CONTRIBUTING.md", ...readdirSync(join(ROOT, "docs")).map((name) => `docs/${name}`)].filter(
  (name) => name.endsWith(".md"),
);

/** `./kamachiq …` in code, without repeats. */
const commands = [
  ...new Set(docs.flatMap((name) => [...read(name).matchAll(/\.\/kamachiq [^`\n]+/g)].map(([text]) => text))),
];

describe("README and docs", () => {
  it("open with the product's rule", () => {
    for (const name of docs.filter((doc) => doc.startsWith("docs/"))) {
      expect(read(name).split("\n").slice(0, 5).join(" "), name).toMatch(/imitated|real|measured|running system/i);
    }
  });

  it("name no file that is not there", () => {
    for (const name of docs) {
      for (const [, target] of read(name).matchAll(/\]\((?!https?:)([^)#]+)/g)) {
        const path = join(ROOT, name.startsWith("docs/") ? "docs" : ".", target as string);
        expect(() => readdirOrFile(path), `${name} → ${target}`).not.toThrow();
      }
    }
  });

  it("list every setting", () => {
    for (const variable of Object.keys(VARIABLES)) expect(read("docs/configuration.md")).toContain(`\`${variable}\``);
  });

  it.each(commands)("%s", async (command) => {
    const [newest] = command.includes(" ID")
      ? (await kamachiq.json<{ projects: ProjectView[] }>(["status"])).projects
      : [];
    const args = command
      .split(/\s+/)
      .slice(1)
      .map((word) => (word === "ID" ? (newest?.id ?? "") : word));
    const outcome = await kamachiq.run(args);
    expect(outcome.code, outcome.stderr + outcome.stdout).toBe(0);
  });

  it("name the commands that there are", async () => {
    const table = read("docs/cli.md").split("## Exit codes")[0] ?? "";
    const names = new Set([...table.matchAll(/^\| `([a-z]+)/gm)].map(([, name]) => name as string));
    expect(names.size).toBeGreaterThan(10);
    for (const name of names) expect((await kamachiq.run([name, "--help"])).code, name).toBe(0);
  });
});

function readdirOrFile(path: string): void {
  try {
    readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EISDIR") throw error;
  }
}
