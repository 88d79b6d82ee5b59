import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { ComponentMissingError } from "../domain/errors.ts";
import { sha256 } from "../platform/digest.ts";
import { isExecutable, reason, tool } from "./host.ts";
import { installing, type Progress, writeAtomically } from "./install.ts";
import { findPip, type Interpreter, requireInterpreter } from "./python.ts";

const REQUIREMENTS = fileURLToPath(new URL("python-requirements.txt", import.meta.url));
const INSTALL_MS_MAX = 10 * 60_000;
const NAME = "python-tools";
/** Written last, so that a folder without it is half of one. */
const COMPLETE = "complete.json";

const PythonTools = z.object({
  /** Absolute path of the environment's interpreter. */
  python: z.string(),
  /** Folder of ruff, pytest, coverage and interrogate. */
  bin: z.string(),
  /** Every folder outside /usr that a sandbox must show, read-only, for them to run. */
  readOnlyPaths: z.array(z.string()),
  /** Version of the interpreter. */
  version: z.string(),
});

/** The environment that reviews Python code. */
export type PythonTools = z.infer<typeof PythonTools>;

/** The environment in the cache, if it is whole and its interpreter is still there. */
export async function findPythonTools(cache: string): Promise<PythonTools | null> {
  try {
    const tools = PythonTools.parse(JSON.parse(await readFile(join(await folderOf(cache), COMPLETE), "utf8")));
    return (await isExecutable(tools.python)) ? tools : null;
  } catch {
    return null;
  }
}

/** The environment, made from the pinned and hashed requirements when it isn't there. Throws ComponentMissingError. */
export async function ensurePythonTools(cache: string, progress: Progress): Promise<PythonTools> {
  const known = await findPythonTools(cache);
  if (known !== null) return known;
  return installing(cache, NAME, async () => (await findPythonTools(cache)) ?? build(cache, progress));
}

async function folderOf(cache: string): Promise<string> {
  return join(cache, `${NAME}-${sha256(await readFile(REQUIREMENTS)).slice(0, 12)}`);
}

/** An environment can't be moved, so it is built where it stays. */
async function build(cache: string, progress: Progress): Promise<PythonTools> {
  const interpreter = await requireInterpreter();
  const folder = await folderOf(cache);
  await rm(folder, { recursive: true, force: true });
  progress(`downloading ruff, pytest, coverage and interrogate for Python ${interpreter.version} (about 15 MB)`);
  const pip = await findPip(interpreter, cache);
  const created = await tool([interpreter.executable, "-I", "-m", "venv", "--without-pip", folder], {
    timeout_ms: 60_000,
  });
  if (created.exit_code !== 0) throw missing(`no environment can be made: ${reason(created)}`, interpreter);
  const python = join(folder, "bin", "python");
  const source = ["--require-hashes", "--only-binary", ":all:", "-r", REQUIREMENTS];
  const quiet = ["--disable-pip-version-check", "--no-input", "--no-color", "--quiet", "--no-warn-script-location"];
  const installed = await tool([...pip, "--python", python, "install", ...quiet, ...source], {
    timeout_ms: INSTALL_MS_MAX,
  });
  if (installed.exit_code !== 0) throw missing(`pip can't install them: ${reason(installed)}`, interpreter);
  const tools: PythonTools = {
    python,
    bin: join(folder, "bin"),
    readOnlyPaths: outermost([folder, ...interpreter.prefixes]),
    version: interpreter.version,
  };
  await writeAtomically(join(folder, COMPLETE), JSON.stringify(tools));
  return tools;
}

/** Folders that aren't inside another one or inside /usr, which every sandbox shows. */
function outermost(folders: string[]): string[] {
  const shown = ["/usr", "/bin", "/lib", "/lib64", "/nix/store"];
  const inside = (path: string, other: string): boolean => path === other || path.startsWith(`${other}/`);
  return [...new Set(folders)].filter(
    (path, _, all) =>
      !shown.some((other) => inside(path, other)) && !all.some((other) => other !== path && inside(path, other)),
  );
}

function missing(why: string, { executable, version }: Interpreter): ComponentMissingError {
  return new ComponentMissingError(
    NAME,
    `The Python tools of the review are not here, and ${why} (Python ${version}, ${executable}).`,
    "Give this machine a way to PyPI or to a mirror of it (pip's own settings count: PIP_INDEX_URL, PIP_FIND_LINKS, HTTPS_PROXY), and see that Python's venv module is installed (`apt install python3-venv`).",
  );
}
