import { EXIT } from "../exit-code.ts";
import type { Session } from "../session.ts";

/** `setup`: gets what is missing and says so; nothing is started. The README's test command begins with it. */
export async function setup(session: Session): Promise<number> {
  const started = performance.now();
  let worked = false;
  const progress = (line: string): void => {
    worked = true;
    session.progress(line);
  };
  await session.deps.installation.ensureComponents(await session.home(), { progress });
  const seconds = (performance.now() - started) / 1000;
  session.print({ downloaded: worked, seconds }, () => {
    return worked ? `Set up in ${seconds.toFixed(1)} s.\n` : "Everything is there.\n";
  });
  return EXIT.delivered;
}
