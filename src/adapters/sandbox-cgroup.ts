import { access, constants, mkdir, readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { SandboxLimits } from "../ports/sandbox.ts";

const ROOT = "/sys/fs/cgroup";
const REMOVE_TRIES = 20;
let groups = 0;

/** A control group of one command: it bounds processes and memory of the whole tree, for root too. */
export interface ControlGroup {
  /** The command behind a shell that joins the group first. */
  enter(argv: string[]): string[];
  /** Kills whatever is still in it, orphans included, and removes it. */
  remove(): Promise<void>;
}

/** A place where groups can be made; `files` are written with the limits before a process joins. */
interface Hierarchy {
  folder: string;
  files(limits: SandboxLimits): [file: string, value: number][];
}

/**
 * The control-group hierarchies of this machine that can be written: version 1 `pids` and `memory`, or version 2 where
 * both controllers are delegated to our own group. Empty on most machines without root.
 */
export async function writableHierarchies(): Promise<Hierarchy[]> {
  const lines = (await readFile("/proc/self/cgroup", "utf8").catch(() => "")).split("\n");
  const found: Hierarchy[] = [];
  for (const line of lines) {
    const [, controllers = "", path = "/"] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === "pids") found.push({ folder: join(ROOT, "pids", path), files: pidsFiles });
    if (controllers === "memory") found.push({ folder: join(ROOT, "memory", path), files: memoryFilesV1 });
    if (controllers === "" && line !== "" && (await delegates(join(ROOT, path))))
      found.push({
        folder: join(ROOT, path),
        files: (limits) => [...pidsFiles(limits), ["memory.max", limits.memory_bytes]],
      });
  }
  const writable = await Promise.all(
    found.map(({ folder }) =>
      access(folder, constants.W_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  const usable = found.filter((_, index) => writable[index]);
  await Promise.all(usable.map(({ folder }) => removeStale(folder)));
  return usable;
}

const pidsFiles = (limits: SandboxLimits): [string, number][] => [["pids.max", limits.processes]];
const memoryFilesV1 = (limits: SandboxLimits): [string, number][] => [["memory.limit_in_bytes", limits.memory_bytes]];

async function delegates(folder: string): Promise<boolean> {
  const enabled = (await readFile(join(folder, "cgroup.subtree_control"), "utf8").catch(() => "")).split(/\s+/);
  return enabled.includes("pids") && enabled.includes("memory");
}

/** Groups of a process that was killed; those of a living one are not touched. */
async function removeStale(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = /^kamachiq-(\d+)-\d+$/.exec(name)?.[1];
    if (
      pid === undefined ||
      (await access(`/proc/${pid}`).then(
        () => true,
        () => false,
      ))
    )
      continue;
    await removeGroup(join(folder, name));
  }
}

/** Makes a group in every hierarchy. Null when there is none. */
export async function createControlGroup(
  hierarchies: readonly Hierarchy[],
  limits: SandboxLimits,
): Promise<ControlGroup | null> {
  if (hierarchies.length === 0) return null;
  const name = `kamachiq-${process.pid}-${(groups += 1)}`;
  const folders = hierarchies.map(({ folder }) => join(folder, name));
  await Promise.all(
    hierarchies.map(async (hierarchy, index) => {
      const folder = folders[index] as string;
      await mkdir(folder);
      for (const [file, value] of hierarchy.files(limits))
        await writeFile(join(folder, file), String(Math.ceil(value)));
    }),
  );
  return {
    enter(argv) {
      const script = folders.map((_, index) => `echo 0 > "$${index + 1}/cgroup.procs"`).join(" && ");
      return ["/bin/sh", "-c", `${script} && shift ${folders.length} && exec "$@"`, "sh", ...folders, ...argv];
    },
    async remove() {
      await Promise.all(folders.map(removeGroup));
    },
  };
}

async function removeGroup(folder: string): Promise<void> {
  for (let tries = 0; tries < REMOVE_TRIES; tries += 1) {
    try {
      return await rmdir(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      await killMembers(folder);
      await sleep(1 + tries);
    }
  }
}

async function killMembers(folder: string): Promise<void> {
  const members = await readFile(join(folder, "cgroup.procs"), "utf8").catch(() => "");
  for (const pid of members.split("\n").filter((line) => line !== "" && line !== "0")) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // already gone
    }
  }
}
