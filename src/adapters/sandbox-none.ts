import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runProcess } from "../platform/process.ts";
import type { Sandbox, SandboxLimits } from "../ports/sandbox.ts";
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

/**
 * No isolation at all: for `--sandbox none`, an operator's explicit choice that is recorded in every report. The
 * environment and the limits are the sandbox's, but a command can read and write what the user can, and use the network.
 * `readOnly` has no effect; `processes` holds only where a control group can be written.
 */
export function createNoSandbox(): Sandbox {
  const hierarchies = writableHierarchies();
  hierarchies.catch(() => {}); // whoever runs a command gets the error

  const sandbox: Sandbox = {
    kind: "none",
    inside: (workspace) => workspace,
    async check() {
      await runProcess(["/bin/sh", "-c", "exit 0"], { timeout_ms: 10_000 });
    },
    async run(command) {
      const limits: SandboxLimits = { ...DEFAULT_LIMITS, ...command.limits };
      const workspace = await realWorkspace(command.workspace);
      const temporary = await mkdtemp(join(tmpdir(), "kamachiq-"));
      const group = await createControlGroup(await hierarchies, limits);
      const argv = limited(command.argv, limits, { processes: false });
      try {
        const result = await runProcess(group?.enter(argv) ?? argv, {
          cwd: join(workspace, folderBelow(command.cwd)),
          env: environmentOf(command, temporary),
          stdin: command.stdin,
          timeout_ms: limits.wall_ms,
          output_bytes: limits.output_bytes,
          flood_bytes: FLOOD_BYTES,
          signal: command.signal,
        });
        return sandboxResult(result);
      } finally {
        await group?.remove();
        await rm(temporary, { recursive: true, force: true });
      }
    },
  };
  return sandbox;
}
