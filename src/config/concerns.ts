import { homedir, userInfo } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { z } from "zod";
import { ROLES } from "../api/deps.ts";
import { GRAPH_CAPS, GRAPH_LIMITS } from "../domain/graph-limits.ts";
import { Id } from "../domain/ids.ts";

/** The user's own folder; `HOME` may be empty in a service or a container. */
export function userHome(): string {
  const home = homedir();
  return home === "" ? userInfo().homedir : home;
}

/** A folder; `~/` is the user's, and a relative one starts at `base`. */
function folder(base: string) {
  return z
    .string()
    .min(1)
    .refine((path) => !path.includes("\0"), { error: "must be a path" })
    .transform((path) => (path === "~" || path.startsWith("~/") ? join(userHome(), path.slice(1)) : path))
    .transform((path) => (isAbsolute(path) ? resolve(path) : resolve(base, path)));
}

/** A whole number, also when it comes as text from the environment. An empty text is no zero. */
function count(min: number, max: number) {
  const error = `must be a whole number from ${min} to ${max}`;
  const number = z.int({ error }).min(min, { error }).max(max, { error });
  return z.union(
    [
      number,
      z
        .string()
        .regex(/^\d{1,9}$/, { error })
        .transform(Number)
        .pipe(number),
    ],
    { error },
  );
}

/** State: database, Temporal's file, repositories, logs, tokens. One stack a folder. */
export const Home = folder(process.cwd());

/** What can be had again: downloaded components, the workflow bundle. May be shared by homes. */
export const Cache = (base: string) => folder(base);

/** Where the API listens. Port 0: any free one, told in `run/server.json`. */
export const Server = z.strictObject({
  host: z.union([z.ipv4(), z.ipv6(), z.literal("localhost")]).default("127.0.0.1"),
  port: count(0, 65_535).default(0),
});

/** Another Temporal than the embedded one. `address` null: embedded. */
export const Temporal = z.strictObject({
  address: z
    .string()
    .regex(/^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}$/, {
      error: "must be host:port, such as temporal.example:7233",
    })
    .nullable()
    .default(null),
  namespace: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/)
    .default("default"),
});

/** Another PostgreSQL than the embedded one. `url` null: embedded. */
export const Database = z.strictObject({
  url: z
    .string()
    .regex(/^postgres(ql)?:\/\/\S+$/, { error: "must be a postgres:// address" })
    .nullable()
    .default(null),
});

/** What contains the commands of agents and of the review. `none` contains nothing. */
export const Sandbox = z.enum(["bubblewrap", "none"]).default("bubblewrap");

export const Limits = z.strictObject({
  /** Largest `max_concurrency` of a project. */
  max_concurrency: count(1, 500).default(10),
  /** Agents at once in one worker process. */
  agents_per_worker: count(1, 500).default(10),
  /** Tasks of one graph. */
  graph_nodes: count(1, GRAPH_CAPS.nodes_max).default(GRAPH_LIMITS.nodes_max),
  /** Dependencies among them. */
  graph_edges: count(0, GRAPH_CAPS.edges_max).default(GRAPH_LIMITS.edges_max),
});

/** Prefixes of `model.name` and whose protocol each speaks. */
export const MODEL_PROVIDERS = ["openai"] as const;

/** The language model that plans what no capsule covers. `name` null: there is none. */
export const Model = z.strictObject({
  name: z
    .string()
    .regex(new RegExp(`^(${MODEL_PROVIDERS.join("|")})/[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,149}$`), {
      error: `must be a provider and its model, such as openai/gpt-5-mini; providers are: ${MODEL_PROVIDERS.join(", ")}`,
    })
    .nullable()
    .default(null),
  /** Base URL with the version, for any server that speaks OpenAI's protocol. */
  url: z
    .url({ protocol: /^https?$/, error: "must be an http(s) address, such as http://127.0.0.1:8080/v1" })
    .refine((url) => !url.includes("@"), { error: "must not hold a password; name it as the model's key" })
    .transform((url) => url.replace(/\/+$/, ""))
    .default("https://api.openai.com/v1"),
  /** Where the key is, never the key itself. Null: none is sent. */
  key: z
    .string()
    .regex(/^(env:[A-Z_][A-Z0-9_]{0,127}|file:\/.{1,500})$/, {
      error: "must say where the key is: env:NAME or file:/PATH",
    })
    .nullable()
    .default(null),
});

export const LogLevel = z.enum(["trace", "debug", "info", "warn", "error", "fatal"]).default("info");

/** Task queue that this installation's worker polls; see docs on data residency. */
export const Region = Id.default("local");

const DEFAULT_PRINCIPALS = {
  admin: ["admin" as const],
  operator: ["operator" as const],
  reviewer: ["reviewer" as const],
};

/** Who may call, by name. What is configured is added to the defaults or replaces the roles of one of them. */
export const Principals = z
  .record(Id, z.array(z.enum(ROLES)).min(1))
  .default({})
  .transform((configured) => ({ ...DEFAULT_PRINCIPALS, ...configured }));

export const defaultHome = (): string => join(userHome(), ".kamachiq");

/** Below the XDG cache folder, which must be absolute by its specification and counts for nothing else. */
export function defaultCache(environment: Record<string, string | undefined>): string {
  const xdg = environment["XDG_CACHE_HOME"] ?? "";
  return join(isAbsolute(xdg) ? xdg : join(userHome(), ".cache"), "kamachiq");
}

/** The configuration below one home, as `config.yaml` spells it. */
export function settingsSchema(file: string, environment: Record<string, string | undefined>) {
  return z.strictObject({
    cache: Cache(dirname(file)).default(defaultCache(environment)),
    server: Server.prefault({}),
    temporal: Temporal.prefault({}),
    database: Database.prefault({}),
    sandbox: Sandbox,
    limits: Limits.prefault({}),
    model: Model.prefault({}),
    log: LogLevel,
    region: Region,
    principals: Principals,
  });
}

/** Variables and the setting that each is. An empty one counts as not set. */
export const VARIABLES: Record<string, readonly string[]> = {
  KAMACHIQ_CACHE: ["cache"],
  KAMACHIQ_HOST: ["server", "host"],
  KAMACHIQ_PORT: ["server", "port"],
  TEMPORAL_ADDRESS: ["temporal", "address"],
  TEMPORAL_NAMESPACE: ["temporal", "namespace"],
  KAMACHIQ_DATABASE_URL: ["database", "url"],
  KAMACHIQ_SANDBOX: ["sandbox"],
  KAMACHIQ_MAX_CONCURRENCY: ["limits", "max_concurrency"],
  KAMACHIQ_AGENTS_PER_WORKER: ["limits", "agents_per_worker"],
  KAMACHIQ_GRAPH_NODES: ["limits", "graph_nodes"],
  KAMACHIQ_GRAPH_EDGES: ["limits", "graph_edges"],
  KAMACHIQ_MODEL: ["model", "name"],
  KAMACHIQ_MODEL_URL: ["model", "url"],
  KAMACHIQ_MODEL_KEY: ["model", "key"],
  KAMACHIQ_LOG: ["log"],
  KAMACHIQ_REGION: ["region"],
};
