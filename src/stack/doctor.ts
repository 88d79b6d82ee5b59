import { access, constants } from "node:fs/promises";
import { dirname } from "node:path";
import type { Config } from "../config/config.ts";
import { KamachiqError } from "../domain/errors.ts";
import { findBubblewrap, sandboxRemedy } from "./component-bubblewrap.ts";
import { findPythonTools } from "./component-python.ts";
import { findTemporal } from "./component-temporal.ts";
import { postgresNeedsBubblewrap } from "./components.ts";
import { FREE_BYTES_MIN, freeBytes, megabytes } from "./home.ts";
import { findOnPath, isAtLeast, processStart, reason, tool } from "./host.ts";
import { FREE_BYTES_MIN as CACHE_BYTES_MIN } from "./install.ts";
import { postgresBinaries } from "./postgres-binaries.ts";
import { findInterpreter } from "./python.ts";
import { readServerInfo } from "./server-info.ts";

/** One thing that the product stands on. */
export interface Diagnosis {
  name: string;
  /** `unverified`: can't be judged from here. What isn't needed is ok, and its detail says so. */
  state: "ok" | "missing" | "unverified";
  /** What is there, or what is not, in a few words. */
  detail: string;
  version: string | null;
  /** Path or address. */
  where: string | null;
  /** How to get it; null when nothing is to be done. */
  remedy: string | null;
}

const NODE_MIN = "22.18.0";
/** `git merge-tree --write-tree` came with it. */
const GIT_MIN = "2.38.0";
const FETCHED = "The first `kamachiq run` gets it.";

/** Looks at everything that the product needs, and neither installs nor writes anything. */
export async function diagnose(config: Config): Promise<Diagnosis[]> {
  return Promise.all([
    Promise.resolve(node()),
    git(),
    python(),
    pythonTools(config),
    temporal(config),
    postgres(config),
    bubblewrap(config),
    folder("home", config.home, FREE_BYTES_MIN),
    folder("cache", config.cache, CACHE_BYTES_MIN),
    server(config),
  ]);
}

function ok(name: string, version: string | null, where: string | null, detail?: string): Diagnosis {
  const said = detail ?? [version, where].filter((part) => part !== null).join(" ");
  return { name, state: "ok", detail: said, version, where, remedy: null };
}

function missing(name: string, detail: string, remedy: string, where: string | null = null): Diagnosis {
  return { name, state: "missing", detail, version: null, where, remedy };
}

function node(): Diagnosis {
  const version = process.versions.node;
  if (isAtLeast(version, NODE_MIN)) return ok("node", version, process.execPath);
  return missing(
    "node",
    `${version} is older than ${NODE_MIN}`,
    "Start KAMACHIQ by its launcher, which brings Node 24.",
  );
}

async function git(): Promise<Diagnosis> {
  const [path] = await findOnPath("git");
  const remedy = `Install git ${GIT_MIN} or newer.`;
  if (path === undefined) return missing("git", "not on PATH", remedy);
  const version = /(\d+\.\d+(\.\d+)?)/.exec((await tool([path, "--version"])).stdout)?.[1] ?? "0";
  if (isAtLeast(version, GIT_MIN)) return ok("git", version, path);
  return missing("git", `${version} is older than ${GIT_MIN}`, remedy, path);
}

async function python(): Promise<Diagnosis> {
  const interpreter = await findInterpreter();
  if (interpreter !== null) return ok("python", interpreter.version, interpreter.executable);
  return missing("python", "no 3.11 or newer on PATH", "Install Python 3.11 or newer with its venv module and pip.");
}

async function pythonTools({ cache }: Config): Promise<Diagnosis> {
  const tools = await findPythonTools(cache);
  if (tools === null)
    return missing("python tools", "not in the cache yet", `${FETCHED} They come from PyPI, about 15 MB.`);
  const result = await tool([tools.python, "-I", "-c", "import pytest, coverage, interrogate"]);
  if (result.exit_code === 0) return ok("python tools", `Python ${tools.version}`, tools.bin);
  return missing(
    "python tools",
    reason(result),
    `Remove ${dirname(tools.bin)}; the next run makes it again.`,
    tools.bin,
  );
}

async function temporal({ cache, temporal: { address } }: Config): Promise<Diagnosis> {
  if (address !== null) return { ...ok("temporal", null, address, `not needed: ${address} is configured`) };
  const found = await findTemporal(cache);
  if (found !== null) return ok("temporal", found.version, found.path);
  const remedy = `${FETCHED} Or install the \`temporal\` CLI, or set TEMPORAL_ADDRESS.`;
  return missing("temporal", "neither in the cache nor on PATH", remedy);
}

async function postgres({ database: { url } }: Config): Promise<Diagnosis> {
  if (url !== null) return ok("postgres", null, null, "not needed: KAMACHIQ_DATABASE_URL is configured"); // it may hold a password
  try {
    const binaries = postgresBinaries();
    const result = await tool([binaries.postgres, "--version"]);
    const version = /(\d+\.\d+)/.exec(result.stdout)?.[1];
    if (version !== undefined) return ok("postgres", version, binaries.postgres);
    return missing(
      "postgres",
      reason(result),
      "The first `kamachiq run` links its libraries; if that is not enough, run `npm ci` on this machine.",
      binaries.postgres,
    );
  } catch (error) {
    return missing(
      "postgres",
      (error as Error).message,
      (error instanceof KamachiqError && error.remedy) || "Run `npm ci`.",
    );
  }
}

async function bubblewrap(config: Config): Promise<Diagnosis> {
  const needed = config.sandbox === "bubblewrap" || postgresNeedsBubblewrap(config);
  if (!needed) return ok("bubblewrap", null, null, "not needed: sandbox is none");
  const trial = await findBubblewrap(config.cache);
  if (trial === null)
    return missing("bubblewrap", "neither in the cache nor on PATH", `${FETCHED} Or install bubblewrap.`);
  if (trial.failure === null) return ok("bubblewrap", trial.version, trial.path);
  return missing("bubblewrap", trial.failure, await sandboxRemedy(), trial.path);
}

async function folder(name: string, path: string, needed: number): Promise<Diagnosis> {
  const writable = await isWritable(path);
  if (!writable) return missing(name, `${path} may not be written`, "Set its rights, or name another folder.", path);
  const free = await freeBytes(path);
  const detail = `${path}, ${megabytes(free)} free`;
  if (free >= needed) return ok(name, null, path, detail);
  return missing(name, detail, `Make room: ${megabytes(needed)} are needed.`, path);
}

/** Of a folder that isn't there yet, the nearest one above it counts. */
async function isWritable(path: string): Promise<boolean> {
  try {
    await access(path, constants.W_OK | constants.X_OK);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || path === dirname(path)) return false;
    return isWritable(dirname(path));
  }
}

async function server({ home }: Config): Promise<Diagnosis> {
  const info = await readServerInfo(home);
  const runs = info !== null && (await processStart(info.pid)) !== null;
  if (!runs) return ok("server", null, null, "not running; a command that needs it starts it");
  return ok("server", info.version, info.url, `${info.version} ${info.url} (process ${info.pid})`);
}
