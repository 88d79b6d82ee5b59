// Gets what is missing on this machine, and says what and how long it took. `npm test` and the launcher's first run call it.
import { resolveConfig } from "../config/config.ts";
import { KamachiqError } from "../domain/errors.ts";
import { ensureComponents } from "../stack/components.ts";

const started = performance.now();
let worked = false;

function say(line: string): void {
  worked = true;
  process.stderr.write(`kamachiq: ${line}\n`);
}

try {
  await ensureComponents(resolveConfig(), say);
  if (worked) say(`set up in ${((performance.now() - started) / 1000).toFixed(1)} s`);
} catch (error) {
  if (!(error instanceof KamachiqError)) throw error;
  const lines = [error.message, ...error.problems.map((problem) => `  ${problem}`), error.remedy ?? ""];
  for (const line of lines.filter((text) => text !== "")) process.stderr.write(`kamachiq: ${line}\n`);
  process.exitCode = error.exit_code;
}
