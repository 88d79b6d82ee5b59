import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { InputError } from "../domain/errors.ts";
import type { ProjectSpec } from "../domain/intake.ts";
import { readSpec } from "./spec-file.ts";

let folder: string;
let outside: string;
beforeAll(async () => {
  outside = await mkdtemp(join(tmpdir(), "kamachiq-spec-"));
  folder = join(outside, "specs");
  await mkdir(join(folder, "docs"), { recursive: true });
  await writeFile(join(outside, "secret.md"), "# Secret\n");
  await writeFile(join(folder, "docs", "roadmap.md"), "\uFEFF# Roadmap\n\nIt must fly.\n");
  await writeFile(join(folder, "notes.txt"), "plain");
  await writeFile(join(folder, "latin.md"), new Uint8Array([0x23, 0x20, 0xe9]));
  await writeFile(join(folder, "control.md"), "a\nb\u001b[2J\n");
  await writeFile(join(folder, "large.md"), "x".repeat(1_000_001));
  for (const name of ["a", "b", "c", "d"]) await writeFile(join(folder, `${name}.md`), "x".repeat(800_000));
  await symlink(join(outside, "secret.md"), join(folder, "out.md"));
  await symlink("docs/roadmap.md", join(folder, "in.md"));
  await symlink(outside, join(folder, "up"));
  execFileSync("mkfifo", [join(folder, "pipe.md")]);
});
afterAll(() => rm(outside, { recursive: true, force: true }));

async function read(attachments: string, name = "spec.yaml"): Promise<ProjectSpec> {
  const path = join(folder, name);
  await writeFile(path, `name: a\ngoals: [b]\nbudget: { tokens: 1 }\nattachments: ${attachments}\n`);
  return readSpec(path);
}

async function problems(attachments: string): Promise<string[]> {
  const error: unknown = await read(attachments).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(InputError);
  expect(error).toMatchObject({ code: "spec_invalid", exit_code: 2, remedy: expect.any(String) });
  return (error as InputError).problems.map((problem) => problem.replace(`${join(folder, "spec.yaml")}:`, ""));
}

describe("readSpec", () => {
  it("puts files in the place of their paths", async () => {
    const { attachments } = await read(
      '[docs/roadmap.md, { path: ./notes.txt, name: Notes }, { name: inline, content: "x" }, in.md]',
    );
    const roadmap = { media_type: "text/markdown", content: "# Roadmap\n\nIt must fly.\n" };
    expect(attachments).toEqual([
      { name: "docs/roadmap.md", ...roadmap },
      { name: "Notes", media_type: "text/plain", content: "plain" },
      { name: "inline", media_type: "text/markdown", content: "x" },
      { name: "in.md", ...roadmap },
    ]);
  });

  it("reads JSON too", async () => {
    const path = join(folder, "spec.json");
    const spec = {
      $schema: "x",
      name: "a",
      goals: ['b \u00e9 \\ " /'],
      budget: { tokens: 1 },
      attachments: ["notes.txt"],
    };
    await writeFile(path, JSON.stringify(spec, null, "\t"));
    const { goals, attachments } = await readSpec(path);
    expect({ goals, attachments: attachments.map(({ content }) => content) }).toEqual({
      goals: spec.goals,
      attachments: ["plain"],
    });
    await writeFile(path, '{"name": "a",\n"goals": "b"}');
    await expect(readSpec(path)).rejects.toMatchObject({
      problems: [expect.stringContaining("spec.json:1: budget"), expect.stringContaining("spec.json:2: goals")],
    });
  });

  it("lets deliverables cite attachments, and knows the names of those that can't be read", async () => {
    const cite = "\ndeliverables: [{ id: x, sources: [{ attachment: notes.txt, line: 1, end_line: 1 }] }]";
    expect((await read(`[notes.txt]${cite}`)).deliverables[0]?.sources).toHaveLength(1);
    expect(await problems(`[]${cite}`)).toEqual([
      expect.stringMatching(/^5: deliverables\[0\]\.sources\[0\]\.attachment: there is no/),
    ]);
    expect(await problems(`[gone.txt]${cite.replace("notes", "gone")}`)).toHaveLength(1);
  });

  it.each([
    [
      "no file",
      "[gone.md]",
      /^4: attachments\[0\]: there is no file "gone\.md" below the spec's folder; mend the path/,
    ],
    ["a file as a folder", "[notes.txt/a.md]", /there is no file/],
    [
      "a way up",
      "[notes.txt, ../secret.md]",
      /^4: attachments\[1\]: "\.\.\/secret\.md" leads out of the spec's folder/,
    ],
    ["an absolute path", "[/etc/passwd]", /leads out of the spec's folder or is no plain path/],
    ["a link out", "[out.md]", /"out\.md" is a link that leads out of the spec's folder/],
    ["a linked folder out", "[up/secret.md]", /is a link that leads out/],
    ["a link to the folder's parent and back", "[up/specs/notes.txt, gone.md]", /attachments\[1\]: there is no file/],
    ["a folder", "[docs]", /"docs" is no regular file/],
    ["a pipe", "[pipe.md]", /"pipe\.md" is no regular file/],
    ["another encoding", "[latin.md]", /"latin\.md" is not text in UTF-8; save it/],
    ["control characters", "[control.md]", /"control\.md" has a control character on line 2/],
    ["a large file", "[large.md]", /"large\.md" has 1000001 bytes; 1000000 are allowed/],
    [
      "too much together",
      "[a.md, b.md, c.md, d.md]",
      /attachments\[3\]: "d\.md" makes the attachments larger than 3000000 bytes/,
    ],
    ["too many", `[${"gone.md, ".repeat(11)}]`, /^4: attachments: must have at most 10 items/],
    ["a number", "[7]", /^4: attachments\[0\]: must be a map/],
    ["a number as path", "[{ path: 7 }]", /^4: attachments\[0\]\.path: must be a path/],
    ["path and content", "[{ path: notes.txt, content: x }]", /stands beside content/],
    ["an unknown field", "[{ path: notes.txt, kind: x }]", /attachments\[0\]\.kind: unknown field/],
    ["a name twice", "[notes.txt, notes.txt]", /attachments\[1\]\.name: "notes\.txt" is there twice/],
    ["no list", "roadmap.md", /^4: attachments: must be a list/],
  ])("refuses %s, with line and remedy", async (_, attachments, expected) => {
    expect((await problems(attachments)).join("\n")).toMatch(expected);
  });
});
