import { readdir, realpath } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ComponentMissingError } from "../domain/errors.ts";

/** Node and the packages that review TypeScript, as installed with the product. All paths are absolute and real. */
export interface NodeTools {
  node: string;
  tsc: string;
  oxlint: string;
  oxfmt: string;
  /** Module of oxc-parser. */
  parser: string;
  /** What a sandbox must show, read-only, for them to run. */
  readOnlyPaths: string[];
}

const PACKAGES = ["typescript", "oxlint", "oxfmt", "oxc-parser"] as const;
/** Where a package of a scope holds its executables for each platform. */
const SCOPES: Record<(typeof PACKAGES)[number], string> = {
  typescript: "@typescript",
  oxlint: "@oxlint",
  oxfmt: "@oxfmt",
  "oxc-parser": "@oxc-parser",
};
/** What they import besides. */
const IMPORTED = ["tinypool"];

/** Finds what reviews TypeScript in the product's own packages. Throws ComponentMissingError. */
export async function findNodeTools(): Promise<NodeTools> {
  const entries = await Promise.all(PACKAGES.map(async (name) => [name, await folderOf(name)] as const));
  const folders = Object.fromEntries(entries) as Record<(typeof PACKAGES)[number], string>;
  const node = await realpath(process.execPath);
  const platform = await Promise.all(PACKAGES.map((name) => scopedOf(folders[name], SCOPES[name])));
  const imported = await Promise.all(IMPORTED.map(folderOf));
  return {
    node,
    tsc: join(folders.typescript, "bin/tsc"),
    oxlint: join(folders.oxlint, "bin/oxlint"),
    oxfmt: join(folders.oxfmt, "bin/oxfmt"),
    parser: join(folders["oxc-parser"], "src-js/index.js"),
    readOnlyPaths: [node, ...Object.values(folders), ...platform.flat(), ...imported],
  };
}

async function folderOf(name: string): Promise<string> {
  try {
    return await realpath(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)));
  } catch (error) {
    throw new ComponentMissingError(
      name,
      `The package ${name} is missing.`,
      "Run `npm ci` in the product's folder.",
      error,
    );
  }
}

/** The packages of a scope beside a package: those for this machine, for npm installs no others. */
async function scopedOf(folder: string, scope: string): Promise<string[]> {
  const path = join(dirname(folder), scope);
  const names = await readdir(path).catch(() => []);
  return Promise.all(names.map((name) => realpath(join(path, name))));
}
