import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { resolveConfig } from "../../src/config/config.ts";
import { ensureComponents } from "../../src/stack/components.ts";
import { startStack, type Stack } from "../../src/stack/stack.ts";

/** PostgreSQL and Temporal in a state folder of their own, which goes with them. */
export async function startServers(): Promise<Stack> {
  const home = await mkdtemp(join(tmpdir(), "kamachiq-stack-"));
  const config = resolveConfig({ home });
  const progress = (): void => {};
  const components = await ensureComponents(config, progress);
  const stack = await startStack({ config, components, progress, log: pino({ level: "silent" }) });
  return {
    ...stack,
    async stop() {
      await stack.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}
