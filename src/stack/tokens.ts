import { randomBytes } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Principal } from "../api/deps.ts";
import type { Config } from "../config/config.ts";
import { InputError, NotFoundError } from "../domain/errors.ts";
import { isId } from "../domain/ids.ts";
import { sha256 } from "../platform/digest.ts";
import { makeFolder, usable } from "./home.ts";

const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** Every configured principal with the digest of its token; a token that is missing is made. */
export async function loadPrincipals(config: Config): Promise<Principal[]> {
  const folder = join(config.home, "tokens");
  await usable(config.home, () => makeFolder(folder));
  return Promise.all(
    Object.entries(config.principals).map(async ([name, roles]) => {
      await usable(config.home, () => makeToken(folder, name));
      return { name, roles, token_digest: sha256(await readToken(config.home, name)) };
    }),
  );
}

/** The bearer token of a local principal. Throws InputError for what is no name, NotFoundError where there is no token. */
export async function readToken(home: string, name: string): Promise<string> {
  if (!isId(name)) {
    throw new InputError(`"${name}" is no name of a principal.`, {
      code: "principal_invalid",
      remedy: "Principals are admin, operator, reviewer and those that the configuration adds.",
    });
  }
  const path = join(home, "tokens", name);
  const token = (await readFile(path, "utf8").catch(() => null))?.trim();
  if (token === undefined) {
    throw new NotFoundError(
      "principal",
      name,
      `Add it under \`principals\` in ${join(home, "config.yaml")} and restart the server.`,
    );
  }
  if (TOKEN.test(token)) return token;
  throw new InputError(`The token in ${path} is damaged.`, {
    code: "token_invalid",
    remedy: "Remove the file and restart the server, which makes a new one.",
  });
}

/** A hard link fails when the name is taken, so that of two makers one wins, and the file is never seen half-written. */
async function makeToken(folder: string, name: string): Promise<void> {
  const path = join(folder, name);
  const temporary = join(folder, `.${name}.${randomBytes(6).toString("hex")}`);
  await writeFile(temporary, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
  try {
    await link(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}
