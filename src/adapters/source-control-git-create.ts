import { mkdir, mkdtemp, open, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InputError } from "../domain/errors.ts";
import type { CommitInfo, FileToCommit } from "../ports/source-control.ts";
import { nameProblem } from "./source-control-git-paths.ts";
import { epochSeconds, git, messageOf } from "./source-control-git-run.ts";

/** Makes a bare repository with one commit on `main`. Built aside and renamed, so that none is ever half made. */
export async function createBareRepository(
  path: string,
  files: readonly FileToCommit[],
  info: CommitInfo,
): Promise<void> {
  const problems = files.flatMap((file) => {
    const problem = nameProblem(file.path);
    return problem === null ? [] : [`${JSON.stringify(file.path)} ${problem}.`];
  });
  if (problems.length > 0)
    throw new InputError(`The first commit can't be made: ${problems.join(" ")}`, { code: "path_invalid", problems });
  await mkdir(dirname(path), { recursive: true });
  const aside = await mkdtemp(`${path}.new-`);
  try {
    await git(["init", "--quiet", "--bare", "--template=", "--initial-branch=main", aside], { gitDir: aside });
    await git(["fast-import", "--quiet", "--date-format=raw"], { gitDir: aside, stdin: importStream(files, info) });
    await rename(aside, path);
    await syncFolder(dirname(path));
  } catch (error) {
    if (!["ENOTEMPTY", "EEXIST"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    // somebody else was faster: theirs is as good
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

/** git-fast-import's language: https://git-scm.com/docs/git-fast-import */
function importStream(files: readonly FileToCommit[], info: CommitInfo): Buffer {
  const plain = (text: string): string => text.replaceAll(/[<>\p{Cc}]/gu, "");
  const who = `${plain(info.author.name)} <${plain(info.author.email)}> ${epochSeconds(info.date)} +0000`;
  const parts = [Buffer.from(`commit refs/heads/main\nauthor ${who}\ncommitter ${who}\n`), data(messageOf(info))];
  for (const { path, content, executable } of files) {
    const quoted = `"${path.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
    parts.push(Buffer.from(`M ${executable === true ? "100755" : "100644"} inline ${quoted}\n`), data(content));
  }
  return Buffer.concat([...parts, Buffer.from("done\n")]);
}

function data(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from(`data ${bytes.length}\n`), bytes, Buffer.from("\n")]);
}

/** Makes a rename durable. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(join(path, "."), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
