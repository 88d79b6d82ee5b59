import { createBubblewrapSandbox } from "../adapters/sandbox-bubblewrap.ts";
import { createNoSandbox } from "../adapters/sandbox-none.ts";
import type { Config } from "../config/config.ts";
import type { Sandbox } from "../ports/sandbox.ts";
import type { Components } from "../stack/components.ts";

/** The sandbox that the configuration asks for. */
export function createSandbox(config: Config, { bubblewrap }: Components): Sandbox {
  if (config.sandbox === "none") return createNoSandbox();
  return createBubblewrapSandbox({ bubblewrap: bubblewrap ?? "bwrap" });
}
