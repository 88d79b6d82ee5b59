import { join } from "node:path";
import type { z } from "zod";
import { InputError } from "../domain/errors.ts";
import { defaultHome, Home, settingsSchema, VARIABLES } from "./concerns.ts";
import { readSettings, type SettingsFile } from "./file.ts";

export type Config = Readonly<{ home: string } & z.output<ReturnType<typeof settingsSchema>>>;

/** What a command line says; undefined: not said. */
export interface ConfigOptions {
  home?: string | undefined;
  cache?: string | undefined;
  sandbox?: string | undefined;
}

type Environment = Record<string, string | undefined>;

/**
 * The whole configuration, resolved once and frozen: option, else environment, else `config.yaml` in the home, else
 * default. Throws InputError naming each option, variable, or line of the file that is unknown or has a bad value.
 */
export function resolveConfig(options: ConfigOptions = {}, environment: Environment = process.env): Config {
  const problems = unknownVariables(environment);
  const home = resolveHome(options, environment, problems);
  const path = join(home, "config.yaml");
  const file = readSettings(path);
  const settings = structuredClone(file.value);
  const origins = new Map<string, string>();
  for (const [name, keys] of Object.entries(VARIABLES)) overlay(settings, origins, keys, environment[name], name);
  overlay(settings, origins, ["cache"], options.cache, "--cache");
  overlay(settings, origins, ["sandbox"], options.sandbox, "--sandbox");

  const parsed = settingsSchema(path, environment).safeParse(settings);
  if (!parsed.success) problems.push(...describe(parsed.error, origins, path, file));
  if (problems.length > 0 || !parsed.success) throw invalid(problems);
  return deepFreeze({ home, ...parsed.data });
}

function resolveHome(options: ConfigOptions, environment: Environment, problems: string[]): string {
  const said = options.home ?? environment["KAMACHIQ_HOME"];
  if (options.home === undefined && (said === undefined || said === "")) return defaultHome();
  const parsed = Home.safeParse(said);
  if (parsed.success) return parsed.data;
  problems.push(`${options.home === undefined ? "KAMACHIQ_HOME" : "--home"}: must be a folder`);
  throw invalid(problems);
}

/** The prefix is ours, so that a misspelt variable is found and not passed over. */
function unknownVariables(environment: Environment): string[] {
  const known = new Set([...Object.keys(VARIABLES), "KAMACHIQ_HOME"]);
  return Object.keys(environment)
    .filter((name) => name.startsWith("KAMACHIQ_") && !known.has(name))
    .map((name) => `${name}: is no setting; there are ${[...known].toSorted().join(", ")}`);
}

/** Puts a value over what the file says. Environment values that are empty count as not set; relative folders start here. */
function overlay(
  settings: Record<string, unknown>,
  origins: Map<string, string>,
  keys: readonly string[],
  value: string | undefined,
  origin: string,
): void {
  if (value === undefined || (value === "" && !origin.startsWith("--"))) return;
  let target = settings;
  for (const key of keys.slice(0, -1)) {
    const below = target[key];
    if (typeof below !== "object" || below === null || Array.isArray(below)) target[key] = {};
    target = target[key] as Record<string, unknown>;
  }
  const last = keys.at(-1) ?? "";
  const resolved = last === "cache" && value !== "" ? Home.parse(value) : value;
  target[last] = resolved;
  origins.set(keys.join("."), origin);
}

function describe(error: z.ZodError, origins: Map<string, string>, path: string, file: SettingsFile): string[] {
  return error.issues.flatMap((issue) => {
    const at = issue.path.map(String);
    const origin = origins.get(at.join("."));
    if (origin !== undefined) return [`${origin}: ${issue.message}`];
    const paths = issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...at, key]) : [at];
    const message = issue.code === "unrecognized_keys" ? "is no setting" : issue.message;
    return paths.map((keys) => `${path}:${file.line(keys)}: ${keys.join(".")}: ${message}`);
  });
}

function invalid(problems: string[]): InputError {
  return new InputError("The configuration has errors.", {
    code: "config_invalid",
    problems,
    remedy: "Correct what is named; docs/configuration.md lists every setting.",
  });
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) {
    for (const member of Object.values(value)) deepFreeze(member);
    Object.freeze(value);
  }
  return value;
}
