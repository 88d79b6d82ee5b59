import { readFile } from "node:fs/promises";
import { InputError } from "../domain/errors.ts";

const SECRET_CHARACTERS_MAX = 10_000;

/**
 * The secret that `env:NAME` or `file:PATH` stands for, without the white space around it. Call it where the secret is
 * used and as late as possible. Throws InputError `secret_missing`, which names the reference and never a value.
 */
export async function resolveSecret(
  reference: string,
  environment: Record<string, string | undefined> = process.env,
): Promise<string> {
  const [, scheme, place = ""] = /^(env|file):(.+)$/s.exec(reference) ?? [];
  const secret = (scheme === "env" ? environment[place] : scheme === "file" ? await read(place) : undefined)?.trim();
  if (secret !== undefined && secret !== "" && secret.length <= SECRET_CHARACTERS_MAX) return secret;
  throw new InputError(`The secret ${reference} is not there, is empty, or is no secret.`, {
    code: "secret_missing",
    remedy:
      scheme === "env"
        ? `Set the variable ${place} where the server is started; a running server keeps the variables that it has.`
        : `Put the secret into that file, readable for the server's user.`,
  });
}

async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return undefined;
  }
}
