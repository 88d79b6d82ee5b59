import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";

const SCRIPT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const TARGET = /^(?<module>[A-Za-z_][\w.]*):(?<attribute>[A-Za-z_][\w.]*)$/;

/** Programs for the console entry points that the metadata promises, as an installer would make them. */
export async function writeLaunchers(folder: string, scripts: Record<string, string>, python: string): Promise<void> {
  for (const [name, target] of Object.entries(scripts)) {
    const { module, attribute } = TARGET.exec(target)?.groups ?? {};
    if (!SCRIPT.test(name) || module === undefined || attribute === undefined) continue;
    const [first = ""] = attribute.split(".");
    // A shell's first line, for a path to the interpreter may be longer than the kernel takes or have spaces in it.
    const text = `#!/bin/sh\n'''exec' "${python}" "$0" "$@"\n' '''\nimport sys\nfrom ${module} import ${first}\nsys.exit(${attribute}())\n`;
    await writeFile(join(folder, name), text);
    await chmod(join(folder, name), 0o755);
  }
}
