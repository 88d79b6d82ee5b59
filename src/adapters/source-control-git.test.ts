import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { CommitInfo } from "../ports/source-control.ts";
import { createGitSourceControl } from "./source-control-git.ts";
import { ownedBy } from "./source-control-git-paths.ts";

const folder = mkdtempSync(join(tmpdir(), "git-"));
const git = createGitSourceControl({ root: join(folder, "repositories"), worktrees: join(folder, "worktrees") });
const info = (subject: string, trailers: Record<string, string> = {}): CommitInfo => ({
  subject,
  trailers,
  author: { name: "Ada", email: "ada@example.org" },
  date: "2026-01-02T03:04:05Z",
});
const FILES = [
  { path: "README.md", content: "# one\n" },
  { path: "run.sh", content: "#!/bin/sh\n", executable: true },
  { path: ".gitattributes", content: "hidden.txt export-ignore\n" },
  { path: "hidden.txt", content: "héllo\n" },
  { path: ".gitignore", content: "__pycache__/\n" },
];
let first = "";

async function work(name: string, change: (path: string) => void, paths = ["**"]): Promise<string> {
  const { path } = await git.openWorkspace("demo", name);
  change(path);
  const made = await git.commitWorkspace("demo", name, paths, info(`feat: ${name}`, { "Kamachiq-Task": name }));
  return made?.commit ?? "";
}

beforeAll(async () => {
  first = (await git.createRepository("demo", FILES, info("chore: start", { "Kamachiq-Project": "p" }))).tip;
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("repositories", () => {
  it("are made once, with the same first commit wherever they are made", async () => {
    const again = await git.createRepository("demo", FILES, info("chore: start"));
    expect(again).toEqual({ url: join(folder, "repositories/demo.git"), tip: first, created: false });
    const twin = await git.createRepository("twin", FILES, info("chore: start", { "Kamachiq-Project": "p" }));
    expect(twin).toMatchObject({ tip: first, created: true });
    execFileSync("git", ["--git-dir", twin.url, "fsck", "--strict"], { stdio: "pipe" });
    expect(await git.listFiles("demo", first)).toHaveLength(FILES.length);
    expect(await git.readFile("demo", first, "hidden.txt")).toBe("héllo\n");
    expect(await git.readFile("demo", first, "nothing")).toBeNull();
  });

  it("are made once by callers at the same time", async () => {
    const made = await Promise.all(Array.from({ length: 5 }, () => git.createRepository("race", FILES, info("x"))));
    expect(new Set(made.map(({ tip }) => tip)).size).toBe(1);
    expect(made.filter(({ created }) => created)).toHaveLength(1);
  });

  it.each(["../x", "a/b", "", ".git", "a..b", "x\0y"])("refuse the id %j", async (id) => {
    await expect(async () => git.createRepository(id, FILES, info("x"))).rejects.toThrow(/can't name/);
  });

  it.each(["../x", "/etc/x", ".git/config", "a/.GIT/hooks/x", ".gitmodules", "a\nb"])(
    "refuse the path %j",
    async (path) => {
      await expect(git.createRepository("bad", [{ path, content: "" }], info("x"))).rejects.toThrow(/can't be made/);
      expect(await git.exists("bad")).toBe(false);
    },
  );

  it("say which folder can't be written", async () => {
    writeFileSync(join(folder, "file"), "");
    const broken = createGitSourceControl({ root: join(folder, "file"), worktrees: join(folder, "w") });
    await expect(broken.createRepository("demo", FILES, info("x"))).rejects.toMatchObject({
      code: "storage_failed",
      message: expect.stringContaining(join(folder, "file")),
    });
  });
});

describe("workspaces", () => {
  it("commit the same work as the same commit, and nothing when nothing changed", async () => {
    const { path, base } = await git.openWorkspace("demo", "same");
    expect(base).toBe(first);
    expect(await git.commitWorkspace("demo", "same", ["**"], info("x"))).toBeNull();
    mkdirSync(join(path, "src"));
    writeFileSync(join(path, "src/a.py"), "1\n");
    rmSync(join(path, "hidden.txt"));
    const one = await git.commitWorkspace("demo", "same", ["src", "hidden.txt"], info("x"));
    const two = await git.commitWorkspace("demo", "same", ["src", "hidden.txt"], info("x"));
    expect(one).toEqual(two);
    expect(one?.files).toEqual(["hidden.txt", "src/a.py"]);
    await git.closeWorkspace("demo", "same");
    await git.closeWorkspace("demo", "same");
    expect(existsSync(path)).toBe(false);
    expect(await git.tip("demo", "same")).toBe(one?.commit);
    expect(await git.tip("demo")).toBe(first);
  });

  it("are reset to their base when opened again", async () => {
    const { path } = await git.openWorkspace("demo", "again");
    writeFileSync(join(path, "README.md"), "changed");
    writeFileSync(join(path, "new"), "x");
    expect((await git.openWorkspace("demo", "again")).base).toBe(first);
    expect(readFileSync(join(path, "README.md"), "utf8")).toBe("# one\n");
    expect(existsSync(join(path, "new"))).toBe(false);
  });

  const refused: [string, (path: string) => void, RegExp][] = [
    ["a path of somebody else", (path) => writeFileSync(join(path, "README.md"), "x"), /outside the task's paths/],
    ["a link out of the tree", (path) => symlinkSync("/etc/passwd", join(path, "src")), /leaves the tree/],
    ["a link to nothing", (path) => symlinkSync("later", join(path, "src")), /leaves the tree/],
    ["a file above the limit", (path) => writeFileSync(join(path, "src"), Buffer.alloc(11 << 20)), /at most/],
    [
      "a repository inside",
      (path) => execFileSync("git", ["init", "-q", join(path, "src")], { stdio: "pipe" }),
      /repository inside/,
    ],
  ];
  it.each(refused)("refuse %s", async (what, change, reason) => {
    const name = what.replaceAll(/\W/g, "-");
    await expect(work(name, change, ["src", "src/**"])).rejects.toThrow(reason);
  });

  it("refuse .gitmodules even to its owner", async () => {
    await expect(work("modules", (path) => writeFileSync(join(path, ".gitmodules"), "x"))).rejects.toThrow(/steer git/);
  });

  it("don't believe a .git that the agent wrote, nor run what its config names", async () => {
    const marker = join(folder, "escaped");
    const evil = join(folder, "evil");
    execFileSync("git", ["init", "-q", "--bare", evil], { stdio: "pipe" });
    writeFileSync(join(evil, "config"), `[core]\n\tfsmonitor = "touch ${marker}"\n\thooksPath = ${evil}/hooks\n`);
    writeFileSync(join(evil, "hooks/post-checkout"), `#!/bin/sh\ntouch ${marker}\n`);
    chmodSync(join(evil, "hooks/post-checkout"), 0o755);
    const commit = await work("tampered", (path) => {
      writeFileSync(join(path, ".git"), `gitdir: ${evil}\n`);
      writeFileSync(join(path, "x"), "1");
    });
    expect(await git.changedPaths("demo", first, commit)).toEqual(["x"]);
    await git.closeWorkspace("demo", "tampered");
    expect(existsSync(marker)).toBe(false);
  });

  it("work at once on one repository", async () => {
    const names = Array.from({ length: 8 }, (_, index) => `w${index}`);
    const commits = await Promise.all(names.map((name) => work(name, (path) => writeFileSync(join(path, name), name))));
    expect(new Set(commits).size).toBe(8);
    await Promise.all(names.map((name) => git.closeWorkspace("demo", name)));
  });
});

describe("merging", () => {
  it("prepares without moving a branch, advances by compare-and-swap, and finds its merges", async () => {
    const a = await work("ma", (path) => writeFileSync(join(path, "a"), "a"));
    const b = await work("mb", (path) => writeFileSync(join(path, "b"), "b"));
    const commits = [
      { commit: a, info: info("merge: a", { "Kamachiq-Merge": "k/a" }) },
      { commit: b, info: info("merge: b", { "Kamachiq-Merge": "k/b\nKamachiq-Merge: k/c" }) },
    ];
    const one = await git.prepareMerge("demo", first, commits);
    expect(await git.prepareMerge("demo", first, commits)).toEqual(one);
    expect(await git.tip("demo")).toBe(first);
    if (one.status !== "merged") throw new Error(one.status);
    expect(await git.advance("demo", first, one.tip)).toBe(true);
    expect(await git.advance("demo", first, one.tip)).toBe(true);
    expect(await git.advance("demo", first, a)).toBe(false);
    expect(await git.findByTrailer("demo", "Kamachiq-Merge", "k/a")).toMatch(/^[0-9a-f]{40}$/);
    expect(await git.findByTrailer("demo", "Kamachiq-Merge", "k/c")).toBeNull();
    expect(await git.changedPaths("demo", first, one.tip)).toEqual(["a", "b"]);
  });

  it("names the commit and the files of a conflict", async () => {
    const onto = await git.tip("demo");
    const a = await work("ca", (path) => writeFileSync(join(path, "README.md"), "a"));
    const b = await work("cb", (path) => writeFileSync(join(path, "README.md"), "b"));
    const commits = [a, b].map((commit) => ({ commit, info: info("merge") }));
    expect(await git.prepareMerge("demo", onto, commits)).toEqual({
      status: "conflict",
      commit: b,
      files: ["README.md"],
    });
  });

  it("writes every file of a commit, whatever its attributes say", async () => {
    const into = mkdtempSync(join(folder, "tree-"));
    await git.materialize("demo", first, into);
    expect(readFileSync(join(into, "hidden.txt"), "utf8")).toBe("héllo\n");
    expect(existsSync(join(into, ".git"))).toBe(false);
    execFileSync("test", ["-x", join(into, "run.sh")]);
  });

  it("tags once", async () => {
    await git.tag("demo", "v1.0.0", first, "release", info("x"));
    await git.tag("demo", "v1.0.0", first, "release", info("x"));
    expect(await git.tip("demo", "v1.0.0")).toBe(first);
    await expect(git.tag("demo", "v1.0.0", await git.tip("demo"), "release", info("x"))).rejects.toThrow(/already/);
  });
});

describe("ownedBy", () => {
  it.each([
    ["src/**", "src/a/b.py", true],
    ["src/**", "src", false],
    ["src", "src/a.py", true],
    ["src/", "src/a.py", true],
    ["src/*.py", "src/a.py", true],
    ["src/*.py", "src/a/b.py", false],
    ["**/test_*.py", "test_a.py", true],
    ["**/test_*.py", "tests/x/test_a.py", true],
    ["*.md", "docs/a.md", false],
    ["a.b", "axb", false],
    ["**", ".github/x", true],
  ])("%s and %s: %s", (pattern, path, expected) => {
    expect(ownedBy([pattern])(path)).toBe(expected);
  });
});
