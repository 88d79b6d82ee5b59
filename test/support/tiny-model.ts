import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { resolveConfig } from "../../src/config/config.ts";
import { sha256 } from "../../src/platform/digest.ts";
import { reason, tool } from "../../src/stack/host.ts";
import { installFolder, installing } from "../../src/stack/install.ts";
import { findPip, requireInterpreter } from "../../src/stack/python.ts";

const SCRIPT = fileURLToPath(new URL("tiny-gguf.py", import.meta.url));
const PACKAGES = ["gguf==0.19.0"];
const INSTALL_MS_MAX = 5 * 60_000;

/** A GGUF of random weights, 0.5 MB, made once and kept in the user's cache; or why there is none. */
export async function tinyModel(): Promise<{ path: string } | { missing: string }> {
  const { cache } = resolveConfig();
  const digest = sha256(`${PACKAGES.join(" ")}\n${await readFile(SCRIPT, "utf8")}`).slice(0, 12);
  const folder = join(cache, `tiny-model-${digest}`);
  const path = join(folder, "tiny.gguf");
  if (await isThere(path)) return { path };
  try {
    await installing(cache, "tiny-model", async () => {
      if (!(await isThere(path))) await installFolder(folder, (part) => make(part, cache));
    });
    return { path };
  } catch (error) {
    return { missing: `the tiny model can't be made: ${(error as Error).message}` };
  }
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

async function isThere(path: string): Promise<boolean> {
  try {
    return (await readFile(path)).subarray(0, 4).toString() === "GGUF";
  } catch {
    return false;
  }
}
