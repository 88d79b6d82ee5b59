import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import { ComponentMissingError, KamachiqError } from "../domain/errors.ts";
import { canonicalJson, sha256 } from "../platform/digest.ts";
import { printable } from "../platform/text.ts";
import type { DependencyFile, DependencyInstaller, DependencyKind } from "../ports/dependencies.ts";
import type { PythonTools } from "./component-python.ts";
import { findOnPath, tool } from "./host.ts";
import { installFolder, installing } from "./install.ts";
import { findPip, requireInterpreter } from "./python.ts";

const INSTALL_MS_MAX = 5 * 60_000;
const FILE_BYTES_MAX = 5_000_000;
/** Written last, so that a folder without it is half of one. */
const COMPLETE = "complete.json";
const Complete = z.object({ packages: z.int().nonnegative() });

/** What one kind of lock file needs to become a folder of packages. */
interface Registry {
  /** The files' names, the lock file first. */
  files: readonly string[];
  /** Below the installation. */
  packages: string;
  /** Installs what lies in `folder` into `folder/<packages>`; answers how many packages there are. */
  fill(folder: string, signal: AbortSignal | undefined): Promise<number>;
}

/**
 * Installs dependencies into the cache, by content: the same lock file for the same interpreter is installed once.
 * Compiled packages differ by interpreter and machine, so both are part of the digest.
 */
export function createDependencyInstaller({
  cache,
  python,
}: {
  cache: string;
  python: PythonTools;
}): DependencyInstaller {
  const registries: Record<DependencyKind, Registry> = {
    python: {
      files: ["requirements.lock"],
      packages: "site",
      fill: (folder, signal) => pipInstall(folder, cache, python, signal),
    },
    node: { files: ["package-lock.json", "package.json"], packages: "node_modules", fill: npmInstall },
  };
  return {
    async install(kind, files, signal) {
      const registry = registries[kind];
      const named = byName(registry, kind, files);
      const machine = [process.platform, process.arch, kind === "python" ? python.version : process.versions.modules];
      const digest = sha256(canonicalJson({ kind, machine, files: named }));
      const target = join(cache, "dependencies", `${kind}-${digest.slice(0, 24)}`);
      const found = await findInstalled(target);
      const packages = found ?? (await makeInstalled(target, registry, named, { cache, signal }));
      return { kind, digest, folder: join(target, registry.packages), packages, created: found === null };
    },
  };
}

type Named = Record<string, string>;

function byName({ files: names }: Registry, kind: DependencyKind, files: readonly DependencyFile[]): Named {
  const given = new Map(files.map(({ path, content }) => [basename(path), content]));
  // A Python project may call its lock as it likes; npm looks for its own names.
  if (kind === "python" && files.length === 1) given.set("requirements.lock", files[0]?.content ?? "");
  return Object.fromEntries(
    names.map((name) => {
      const content = given.get(name);
      if (content === undefined) throw failed(kind, [`${name} is missing.`]);
      if (Buffer.byteLength(content) > FILE_BYTES_MAX)
        throw failed(kind, [`${name} has more than ${FILE_BYTES_MAX} bytes.`]);
      return [name, content];
    }),
  );
}

async function findInstalled(target: string): Promise<number | null> {
  const text = await readFile(join(target, COMPLETE), "utf8").catch(() => null);
  return text === null ? null : Complete.parse(JSON.parse(text)).packages;
}

async function makeInstalled(
  target: string,
  registry: Registry,
  files: Named,
  { cache, signal }: { cache: string; signal: AbortSignal | undefined },
): Promise<number> {
  return installing(cache, basename(target), async () => {
    const meanwhile = await findInstalled(target);
    if (meanwhile !== null) return meanwhile;
    await mkdir(join(cache, "dependencies"), { recursive: true });
    let packages = 0;
    await installFolder(target, async (folder) => {
      for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
      packages = await registry.fill(folder, signal);
      await writeFile(join(folder, COMPLETE), JSON.stringify({ packages }));
    });
    return packages;
  });
}

/**
 * Wheels only, each with the hash that the lock names: nothing is built, and no code of a package runs. It is compiled to
 * byte code here, once, for sandboxes can't write it.
 */
async function pipInstall(
  folder: string,
  cache: string,
  { python }: PythonTools,
  signal: AbortSignal | undefined,
): Promise<number> {
  const pip = await findPip(await requireInterpreter(), cache);
  const quiet = ["--disable-pip-version-check", "--no-input", "--no-color", "--quiet"];
  const safe = ["--require-hashes", "--only-binary", ":all:", "--no-deps"];
  const target = join(folder, "site");
  const argv = [...pip, "--python", python, "install", ...quiet, ...safe];
  const result = await tool([...argv, "--target", target, "-r", join(folder, "requirements.lock")], {
    timeout_ms: INSTALL_MS_MAX,
    signal,
  });
  if (result.exit_code !== 0) throw failed("python", linesOf(result.stderr || result.stdout));
  const names = await readdir(target);
  return names.filter((name) => name.endsWith(".dist-info")).length;
}

async function npmInstall(folder: string, signal: AbortSignal | undefined): Promise<number> {
  const [npm] = await findOnPath("npm");
  if (npm === undefined) {
    throw new ComponentMissingError("npm", "There is no npm on PATH.", "Install Node.js with npm and put it on PATH.");
  }
  const argv = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress", "--loglevel=error"];
  const result = await tool(argv, { cwd: folder, timeout_ms: INSTALL_MS_MAX, signal });
  if (result.exit_code !== 0) throw failed("node", linesOf(result.stderr || result.stdout));
  await mkdir(join(folder, "node_modules"), { recursive: true }); // a lock file may name nothing
  const lock = JSON.parse(await readFile(join(folder, "package-lock.json"), "utf8")) as { packages?: object };
  return Math.max(0, Object.keys(lock.packages ?? {}).length - 1);
}

function linesOf(output: string): string[] {
  const lines = printable(output)
    .split("\n")
    .filter((line) => line.trim() !== "");
  return lines.slice(-10);
}

function failed(kind: DependencyKind, problems: string[]): KamachiqError {
  const registry = kind === "python" ? "PyPI" : "npm";
  return new KamachiqError(`The delivered project's ${kind} dependencies can't be installed.`, {
    code: "dependencies_failed",
    retryable: true,
    problems,
    remedy: `Give this machine a way to ${registry} or to a mirror of it (the tool's own settings count), and see that the lock file's hashes are right.`,
  });
}
