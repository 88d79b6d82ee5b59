import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { resolveConfig } from "../../src/config/config.ts";
import { sha256 } from "../../src/platform/digest.ts";
import { findOnPath, reason, tool } from "../../src/stack/host.ts";
import { installFolder, installing } from "../../src/stack/install.ts";
import { findPip, requireInterpreter } from "../../src/stack/python.ts";

const SCRIPT = fileURLToPath(new URL("tiny-gguf.py", import.meta.url));
const PACKAGES = ["gguf==0.19.0"];
const RUNTIME_VERSION = "3.22.1";
/** Packages of binaries that are not named after the platform. */
const BINARIES: Record<string, string> = { "darwin-arm64": "mac-arm64-metal", "darwin-x64": "mac-x64" };
const LIBRARY = "node_modules/node-llama-cpp/dist/index.js";
const INSTALL_MS_MAX = 5 * 60_000;

export interface TinyModel {
  /** The GGUF. */
  path: string;
  /** Folder whose `node_modules` has node-llama-cpp. */
  runtime: string;
}

/** A GGUF of random weights, 0.5 MB, and what computes with it, both kept in the user's cache; or why there is none. */
export async function tinyModel(): Promise<TinyModel | { missing: string }> {
  const { cache } = resolveConfig();
  const digest = sha256(`${PACKAGES.join(" ")}\n${await readFile(SCRIPT, "utf8")}`).slice(0, 12);
  const folder = join(cache, `tiny-model-${digest}`);
  const path = join(folder, "tiny.gguf");
  const runtime = join(cache, `llama-${RUNTIME_VERSION}`);
  try {
    await installing(cache, "llama", async () => {
      if (!(await isFile(join(runtime, LIBRARY)))) await installFolder(runtime, installRuntime);
    });
    await installing(cache, "tiny-model", async () => {
      if (!(await isThere(path))) await installFolder(folder, (part) => make(part, cache));
    });
    return { path, runtime };
  } catch (error) {
    return { missing: `the tiny model can't be made: ${(error as Error).message}` };
  }
}

/** The library with the binaries of this platform alone, without scripts: all platforms together have 700 MB. */
async function installRuntime(folder: string): Promise<void> {
  const [npm] = await findOnPath("npm");
  if (npm === undefined) throw new Error("there is no npm");
  const packages = [
    `node-llama-cpp@${RUNTIME_VERSION}`,
    `@node-llama-cpp/${BINARIES[`${process.platform}-${process.arch}`] ?? `${process.platform}-${process.arch}`}@${RUNTIME_VERSION}`,
  ];
  await writeFile(join(folder, "package.json"), "{}");
  await done([
    npm,
    "install",
    "--prefix",
    folder,
    "--ignore-scripts",
    "--omit=optional",
    "--no-audit",
    "--no-fund",
    ...packages,
  ]);
  if (!(await isFile(join(folder, LIBRARY)))) throw new Error("node-llama-cpp was not installed");
}

async function make(folder: string, cache: string): Promise<void> {
  const interpreter = await requireInterpreter();
  const pip = await findPip(interpreter, cache);
  const packages = join(folder, "packages");
  const options = ["--disable-pip-version-check", "--no-input", "--quiet", "--only-binary", ":all:"];
  await done([...pip, "install", ...options, "--target", packages, ...PACKAGES]);
  const script = `import sys; sys.path.insert(0, sys.argv.pop(1)); import runpy; runpy.run_path(sys.argv.pop(1), run_name="__main__")`;
  await done([interpreter.executable, "-I", "-c", script, packages, SCRIPT, join(folder, "tiny.gguf")]);
}

async function done(argv: string[]): Promise<void> {
  const result = await tool(argv, { timeout_ms: INSTALL_MS_MAX });
  if (result.exit_code !== 0) throw new Error(reason(result));
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await readFile(path)).subarray(0, 4).toString() === "GGUF";
  } catch {
    return false;
  }
}
