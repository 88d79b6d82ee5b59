import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleWorkflowCode } from "@temporalio/worker";
import type { Logger } from "pino";
import { sha256 } from "../platform/digest.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The workflows as one file, made when their sources or locked dependencies changed and then kept in `cache`. */
export async function workflowBundle(cache: string, log: Logger): Promise<{ codePath: string }> {
  const folder = join(cache, "workflow-bundles");
  const codePath = join(folder, `${await sourcesDigest()}.js`);
  if (await readable(codePath)) return { codePath };
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(ROOT, "src/workflows/index.ts"),
    logger: { ...quiet(log) },
  });
  await mkdir(folder, { recursive: true });
  const part = `${codePath}.${randomBytes(6).toString("hex")}.part`;
  await writeFile(part, code);
  await rename(part, codePath);
  return { codePath };
}

async function readable(path: string): Promise<boolean> {
  return readFile(path).then(
    () => true,
    () => false,
  );
}

async function sourcesDigest(): Promise<string> {
  const files = ["package-lock.json"];
  for (const folder of ["src/workflows", "src/domain", "src/activities"]) {
    const names = await readdir(join(ROOT, folder), { recursive: true });
    files.push(
      ...names.filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts")).map((name) => join(folder, name)),
    );
  }
  const parts = await Promise.all(
    files.toSorted().map(async (file) => `${file}\0${await readFile(join(ROOT, file), "utf8")}`),
  );
  return sha256(parts.join("\0")).slice(0, 32);
}

/** The bundler reports sizes and times, which belong in the log and not on the operator's screen. */
function quiet(log: Logger) {
  const write = (level: "debug" | "warn" | "error") => (message: string) => log[level](message);
  return {
    log: (_level: string, message: string) => log.debug(message),
    trace: write("debug"),
    debug: write("debug"),
    info: write("debug"),
    warn: write("warn"),
    error: write("error"),
  };
}
