import { access, lstat, readlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ComponentMissingError, InputError } from "../domain/errors.ts";
import { type ProcessResult, runProcess } from "../platform/process.ts";
import { printable } from "../platform/text.ts";
import type { Sandbox, SandboxCommand, SandboxLimits } from "../ports/sandbox.ts";
import { createControlGroup, writableHierarchies } from "./sandbox-cgroup.ts";
import {
  DEFAULT_LIMITS,
  FLOOD_BYTES,
  environmentOf,
  folderBelow,
  limited,
  realWorkspace,
  sandboxResult,
} from "./sandbox-environment.ts";

const WORKSPACE = "/workspace";
/** Stand-ins for the host's files of the same name, which would tell who has an account here. */
const ETC = fileURLToPath(new URL("sandbox-bubblewrap/etc", import.meta.url));
const ETC_OWN = ["passwd", "group", "hosts", "nsswitch.conf"];
/** What programs need of the host's own /etc: the linker's cache, Debian's alternatives, the time zone. */
const ETC_HOST = ["/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"];
const SYSTEM = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store"];
const TMP_BYTES = 256 * 1024 ** 2;
const SHM_BYTES = 64 * 1024 ** 2;

/**
 * Runs commands in namespaces of their own: no network, no environment, no home, no other process in sight, the system
 * read-only. What holds of the limits: wall time, output, size of a file, processor time and address space a process
 * always; the number of processes through a control group, or without root through the user namespace; memory of the
 * whole tree through a control group only, where one can be written.
 * @param options.bubblewrap absolute path of `bwrap`, or its name on PATH.
 */
export function createBubblewrapSandbox({ bubblewrap }: { bubblewrap: string }): Sandbox {
  const host = Promise.all([systemBinds(), writableHierarchies()]);
  host.catch(() => {}); // whoever runs a command gets the error

  const run = async (command: SandboxCommand): Promise<ProcessResult> => {
    const limits: SandboxLimits = { ...DEFAULT_LIMITS, ...command.limits };
    const [system, hierarchies] = await host;
    const workspace = await realWorkspace(command.workspace);
    const view = [...system, ...(await workspaceBinds(command, workspace)), ...visiblePaths(command)];
    const inner = limited(command.argv, limits, { processes: process.getuid?.() !== 0 });
    const argv = [bubblewrap, ...ISOLATION, ...view, ...settings(command), "--remount-ro", "/", "--", ...inner];
    const group = await createControlGroup(hierarchies, limits);
    try {
      return await runProcess(group?.enter(argv) ?? argv, {
        env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
        stdin: command.stdin,
        timeout_ms: limits.wall_ms,
        output_bytes: limits.output_bytes,
        flood_bytes: FLOOD_BYTES,
        signal: command.signal,
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT" && (error as NodeJS.ErrnoException).code !== "EACCES")
        throw error;
      throw missing(`${bubblewrap} can't be started.`, error);
    } finally {
      await group?.remove();
    }
  };

  const check = async (): Promise<void> => {
    const limits = { wall_ms: 10_000 };
    const result = await run({ argv: ["/bin/sh", "-c", "exit 0"], workspace: ETC, readOnly: true, limits });
    if (result.exit_code !== 0) throw missing(`bubblewrap can't set up a sandbox: ${printable(result.stderr).trim()}`);
  };

  return {
    kind: "bubblewrap",
    inside: () => WORKSPACE,
    check,
    async run(command) {
      const result = await run(command);
      // Either bubblewrap failed, or the command only says so.
      if (result.exit_code === 1 && result.stderr.startsWith("bwrap: ")) await check();
      return sandboxResult(result);
    },
  };
}

const ISOLATION = `--unshare-all --unshare-user --disable-userns --die-with-parent --new-session --clearenv
  --cap-drop ALL --uid 65534 --gid 65534 --hostname sandbox`.split(/\s+/);

/** The system, read-only, and the file systems that belong to the sandbox alone. Bounded: nothing here can fill the memory. */
async function systemBinds(): Promise<string[]> {
  const binds: string[] = [];
  for (const path of SYSTEM) {
    const entry = await lstat(path).catch(() => null);
    if (entry === null) continue;
    if (entry.isSymbolicLink()) binds.push("--symlink", await readlink(path), path);
    else binds.push("--ro-bind", path, path);
  }
  for (const name of ETC_OWN) binds.push("--ro-bind", join(ETC, name), `/etc/${name}`);
  for (const path of ETC_HOST) if (await exists(path)) binds.push("--ro-bind", path, path);
  // A sandbox that root starts runs as the kernel's root, whom /proc/sys and /proc/sysrq-trigger obey without any capability.
  binds.push("--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev");
  binds.push("--size", String(SHM_BYTES), "--tmpfs", "/dev/shm", "--remount-ro", "/dev");
  binds.push("--size", String(TMP_BYTES), "--perms", "1777", "--tmpfs", "/tmp");
  return binds;
}

/** The workspace, with its `.git` covered: what a command writes there could steer a git that runs outside. */
async function workspaceBinds(command: SandboxCommand, workspace: string): Promise<string[]> {
  const binds = [command.readOnly === true ? "--ro-bind" : "--bind", workspace, WORKSPACE];
  const git = await lstat(join(workspace, ".git")).catch(() => null);
  if (git?.isSymbolicLink())
    throw new InputError("The workspace's .git is a symbolic link.", { code: "sandbox_input", remedy: "Remove it." });
  if (git?.isDirectory()) binds.push("--tmpfs", `${WORKSPACE}/.git`, "--remount-ro", `${WORKSPACE}/.git`);
  else if (git !== null) binds.push("--ro-bind", "/dev/null", `${WORKSPACE}/.git`);
  return binds;
}

function visiblePaths({ readOnlyPaths = [] }: SandboxCommand): string[] {
  return readOnlyPaths.flatMap((path) => ["--ro-bind", path, path]);
}

function settings(command: SandboxCommand): string[] {
  const variables = Object.entries(environmentOf(command, "/tmp"));
  return [
    ...variables.flatMap(([name, value]) => ["--setenv", name, value]),
    "--chdir",
    join(WORKSPACE, folderBelow(command.cwd)),
  ];
}

function missing(message: string, cause?: unknown): ComponentMissingError {
  return new ComponentMissingError(
    "bubblewrap",
    message,
    "Install bubblewrap (`apt install bubblewrap`), allow unprivileged user namespaces (`sysctl kernel.unprivileged_userns_clone=1`, on Ubuntu `kernel.apparmor_restrict_unprivileged_userns=0`), or choose `--sandbox none`, which is recorded in every report.",
    cause,
  );
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
