import { printable } from "../../platform/text.ts";
import { EXIT } from "../exit-code.ts";
import type { Session } from "../session.ts";
import { cell } from "../view/text.ts";

/** `doctor`: what is there, what is missing and how to get it. Needs no server and changes nothing. */
export async function doctor(session: Session): Promise<number> {
  const home = await session.home();
  const components = await session.deps.installation.diagnose(home);
  session.print({ home, components }, () => {
    const lines = components.flatMap(({ name, state, detail, remedy }) => [
      `${cell(state, 10)} ${cell(name, 16)} ${detail}`,
      ...(remedy === null ? [] : [`${" ".repeat(28)}→ ${remedy}`]),
    ]);
    return `${printable(lines.join("\n"))}\n`;
  });
  return components.some((component) => component.state === "missing") ? EXIT.failed : EXIT.delivered;
}
