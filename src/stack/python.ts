import { join, sep } from "node:path";
import { z } from "zod";
import { userHome } from "../config/concerns.ts";
import { ComponentMissingError } from "../domain/errors.ts";
import { findOnPath, reason, tool } from "./host.ts";
import { installing } from "./install.ts";

const MINOR_MIN = 11;
const NAMES = ["python3.13", "python3.12", "python3.11", "python3", "python"];

const Facts = z.object({
  version: z.tuple([z.int(), z.int(), z.int()]),
  /** Real path of the interpreter itself, behind shims, links and virtual environments. */
  executable: z.string(),
  /** Folders that the interpreter reads at run time. */
  prefixes: z.array(z.string()),
});

export interface Interpreter {
  executable: string;
  version: string;
  prefixes: string[];
}

const PROBE = `
import json, os, sys, sysconfig
executable = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
library = sysconfig.get_config_var("LIBDIR") if sysconfig.get_config_var("Py_ENABLE_SHARED") else None
paths = [sys.base_prefix, sys.base_exec_prefix, os.path.dirname(executable), sysconfig.get_path("stdlib"), library]
paths = [path for path in paths if path and os.path.isdir(path)]
print(json.dumps({
    "version": sys.version_info[:3],
    "executable": executable,
    "prefixes": sorted({form(path) for path in paths for form in (os.path.abspath, os.path.realpath)}),
}))
`;

/** The first Python on PATH that is new enough, real (pyenv's shims may lead nowhere) and not spread over a home. */
export async function findInterpreter(): Promise<Interpreter | null> {
  for (const name of NAMES) {
    for (const path of await findOnPath(name)) {
      const interpreter = await inspect(path);
      if (interpreter !== null) return interpreter;
    }
  }
  return null;
}

export async function requireInterpreter(): Promise<Interpreter> {
  const interpreter = await findInterpreter();
  if (interpreter !== null) return interpreter;
  throw new ComponentMissingError(
    "python",
    `No Python 3.${MINOR_MIN} or newer is on PATH (looked for ${NAMES.join(", ")}).`,
    "Install it, for instance `apt install python3 python3-venv python3-pip`, `dnf install python3.12`, `brew install python@3.13` or `pyenv install 3.13`.",
  );
}

async function inspect(path: string): Promise<Interpreter | null> {
  const result = await tool([path, "-I", "-c", PROBE]);
  if (result.exit_code !== 0) return null;
  const facts = Facts.safeParse(parseJson(result.stdout));
  if (!facts.success) return null;
  const { executable, prefixes } = facts.data;
  const [major, minor] = facts.data.version;
  if (major !== 3 || minor < MINOR_MIN || prefixes.some(holdsHome)) return null;
  return { executable, version: facts.data.version.join("."), prefixes };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** A sandbox must see the interpreter's folders, and must not see the user's home. */
function holdsHome(prefix: string): boolean {
  const home = userHome();
  return prefix === sep || home === prefix || home.startsWith(prefix + sep);
}

/** How to run a pip that can install into another environment (`--python`, pip 22.3 and newer). */
export async function findPip(interpreter: Interpreter, cache: string): Promise<string[]> {
  const own = [interpreter.executable, "-m", "pip"];
  if (await isRecent(own)) return own;
  return installing(cache, "pip", () => bundledPip(interpreter, cache));
}

/** Debian keeps pip and ensurepip in packages of their own; either will do. */
async function bundledPip(interpreter: Interpreter, cache: string): Promise<string[]> {
  const folder = join(cache, `pip-${interpreter.version}`);
  const bundled = [join(folder, "bin", "python"), "-m", "pip"];
  if (await isRecent(bundled)) return bundled;
  const made = await tool([interpreter.executable, "-I", "-m", "venv", "--clear", folder], { timeout_ms: 120_000 });
  if (made.exit_code === 0 && (await isRecent(bundled))) return bundled;
  throw new ComponentMissingError(
    "pip",
    `Python ${interpreter.version} (${interpreter.executable}) has neither pip nor ensurepip: ${reason(made)}.`,
    "Install one of them, for instance `apt install python3-pip` or `apt install python3-venv`, or put another Python 3.11 or newer first on PATH.",
  );
}

async function isRecent(pip: string[]): Promise<boolean> {
  const result = await tool([...pip, "--version"]);
  const [, major = "0", minor = "0"] = /^pip (\d+)\.(\d+)/.exec(result.stdout) ?? [];
  return result.exit_code === 0 && (Number(major) > 22 || (Number(major) === 22 && Number(minor) >= 3));
}
