import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { isRoot } from "../../src/stack/host.ts";
import { type ExternalProcess, freePort, startExternal } from "./external-process.ts";

const DEBIAN = "/usr/lib/postgresql";
/** Root's stand-in, which Debian's package makes. */
const USER = "postgres";
const BACKENDS_MS_MAX = 20_000;

export interface ExternalPostgres {
  /** For an ordinary role that owns its database, with a password, over TCP. */
  url: string;
  version: string;
  /** SIGKILL to the postmaster; resolves when all its backends have gone too. */
  kill(): Promise<void>;
  /** On the same data and port; resolves when it accepts connections after its recovery. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Why the system's PostgreSQL can't be used here; null when it can. */
export function postgresMissing(): string | null {
  if (binaries() === null) return `there is no ${DEBIAN}/*/bin/postgres (apt install postgresql)`;
  if (isRoot() && account() === undefined) return `PostgreSQL refuses to be root, and there is no user ${USER}`;
  return null;
}

/** A PostgreSQL of the system's packages on a free port of the loopback interface, with data of its own. */
export async function startExternalPostgres(): Promise<ExternalPostgres> {
  const bin = binaries() ?? "";
  const user = isRoot() ? account() : undefined;
  const folder = await mkdtemp(join(tmpdir(), "kamachiq-external-postgres-"));
  if (user !== undefined) chownSync(folder, user.uid, user.gid);
  const data = join(folder, "data");
  const [owner, role] = [password(), password()];
  const secret = join(folder, "password");
  await writeFile(secret, owner, { mode: 0o600 });
  if (user !== undefined) chownSync(secret, user.uid, user.gid);
  const init = ["-D", data, "-U", USER, `--pwfile=${secret}`, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"];
  execFileSync(join(bin, "initdb"), init, { cwd: folder, stdio: ["ignore", "ignore", "pipe"], ...user });

  const port = await freePort();
  const admin = `postgres://${USER}:${owner}@127.0.0.1:${port}/postgres`;
  const settings = [`port=${port}`, "listen_addresses=127.0.0.1", "unix_socket_directories="];
  const start = (): Promise<ExternalProcess> =>
    startExternal({
      argv: [join(bin, "postgres"), "-D", data, ...settings.flatMap((setting) => ["-c", setting])],
      cwd: folder,
      log: join(folder, "postgres.log"),
      user,
      serves: () => query(admin, "select 1").then(Boolean, () => false),
    });
  let server = await start();
  await query(admin, `create role kamachiq login password '${role}'`);
  await query(admin, "create database kamachiq owner kamachiq");
  return {
    url: `postgres://kamachiq:${role}@127.0.0.1:${port}/kamachiq`,
    version: readFileSync(join(data, "PG_VERSION"), "utf8").trim(),
    async kill() {
      const backends = childrenOf(server.pid);
      await server.end("SIGKILL");
      // They outlive their postmaster for a moment, and the data can't be opened again before they have gone.
      const deadline = performance.now() + BACKENDS_MS_MAX;
      while (backends.some((pid) => existsSync(`/proc/${pid}`)) && performance.now() < deadline) await sleep(50);
    },
    async restart() {
      server = await start();
    },
    async stop() {
      await server.end("SIGINT");
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Folder of the newest installed version's programs. */
function binaries(): string | null {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).toSorted((a, b) => Number(b) - Number(a)) : [];
  const folders = versions.map((version) => join(DEBIAN, version, "bin"));
  return folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres"))) ?? null;
}

function account(): { uid: number; gid: number } | undefined {
  const row = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"))
    .find(([name]) => name === USER);
  return row === undefined ? undefined : { uid: Number(row[2]), gid: Number(row[3]) };
}

const password = (): string => randomBytes(16).toString("hex");

function childrenOf(pid: number): number[] {
  const rows = execFileSync("ps", ["-eo", "pid=,ppid="], { encoding: "utf8" }).trim().split("\n");
  return rows
    .map((row) => row.trim().split(/\s+/).map(Number))
    .flatMap(([child = 0, of]) => (of === pid ? [child] : []));
}

async function query(url: string, sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on("error", () => {}); // told by the query
  try {
    await client.connect();
    return await client.query(sql);
  } finally {
    await client.end().catch(() => {});
  }
}
