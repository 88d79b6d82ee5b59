// A supervisor of its own process, to be killed: `node stack-process.ts HOME`. Prints one line of JSON when the stack serves.
import { pino } from "pino";
import { resolveConfig } from "../../src/config/config.ts";
import { ensureComponents } from "../../src/stack/components.ts";
import { acquireLock } from "../../src/stack/lock.ts";
import { startStack } from "../../src/stack/stack.ts";

const config = resolveConfig({ home: process.argv[2] });
const components = await ensureComponents(config, () => {});
const lock = await acquireLock(config.home);
const began = performance.now();
const stack = await startStack({ config, components, progress: () => {}, log: pino({ enabled: false }) });
const { database, temporal } = stack;
process.stdout.write(`${JSON.stringify({ database, temporal, started_ms: performance.now() - began })}\n`);
process.once("SIGTERM", () => {
  void stack.stop().then(() => {
    lock.release();
    process.exit(0);
  });
});
setInterval(() => {}, 60_000);
