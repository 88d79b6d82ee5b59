import { resolveConfig } from "../../src/config/config.ts";
import { type Components, ensureComponents } from "../../src/stack/components.ts";

/** The real bubblewrap and review environment, from the machine or from the cache that every state folder shares. */
export async function reviewTools(): Promise<Pick<Components, "bubblewrap" | "python">> {
  return ensureComponents(resolveConfig(), (line) => process.stderr.write(`${line}\n`));
}
