import type { Config } from "../config/config.ts";
import { ensureBubblewrap } from "./component-bubblewrap.ts";
import { ensurePythonTools, type PythonTools } from "./component-python.ts";
import { ensureTemporal } from "./component-temporal.ts";
import { isRoot } from "./host.ts";
import type { Progress } from "./install.ts";

export type { PythonTools };

/** What the product runs besides itself. PostgreSQL comes with its npm package. */
export interface Components {
  /** Absolute path of the Temporal CLI; undefined when another server is configured. */
  temporal?: string;
  /** Absolute path of a `bwrap` that works here; undefined when nothing needs it. */
  bubblewrap?: string;
  python: PythonTools;
}

/** Whether PostgreSQL must be put into a user namespace: it refuses to run as root. */
export const postgresNeedsBubblewrap = (config: Config): boolean => config.database.url === null && isRoot();

/**
 * Finds the components, and gets those that are missing, all at once; `progress` is told what is downloaded. Costs a few
 * milliseconds and no process when all are in the cache. Throws ComponentMissingError for the first that can't be had.
 */
export async function ensureComponents(config: Config, progress: Progress): Promise<Components> {
  const { cache } = config;
  const none = Promise.resolve(undefined);
  const wanted = [
    config.temporal.address === null ? ensureTemporal(cache, progress) : none,
    config.sandbox === "bubblewrap" || postgresNeedsBubblewrap(config) ? ensureBubblewrap(cache, progress) : none,
    ensurePythonTools(cache, progress),
  ] as const;
  await Promise.allSettled(wanted); // none may still be at work when this fails
  const [temporal, bubblewrap, python] = await Promise.all(wanted);
  return { ...(temporal && { temporal }), ...(bubblewrap && { bubblewrap }), python };
}
