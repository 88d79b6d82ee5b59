import { randomBytes } from "node:crypto";
import { chmod, lstat, mkdtemp, readdir, readFile, readlink, realpath, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Logger } from "pino";
import { ComponentMissingError, KamachiqError } from "../domain/errors.ts";
import type { ProcessSpec } from "./child.ts";
import { commandLine, isRoot, reason, signalledWithParent, tool } from "./host.ts";
import type { Progress } from "./install.ts";
import { completeLibraries, postgresBinaries } from "./postgres-binaries.ts";
import { type SupervisedProcess, superviseProcess } from "./supervise.ts";

export interface PostgresAddress {
  /** Folder of the unix socket. */
  host: string;
  port: number;
  user: string;
  database: string;
}

const NAME = "postgres";
const USER = "kamachiq";
const DATABASE = "kamachiq";
/** Names the socket file; nothing listens on a port. */
const PORT = 5432;
const MAJOR = "18";
/** `sun_path` holds 104 bytes on some systems, and `/.s.PGSQL.5432.lock` follows. */
const SOCKET_FOLDER_BYTES_MAX = 84;
const INITDB_MS_MAX = 120_000;
/** Recovery after a crash comes before the first connection. */
const READY_MS_MAX = 60_000;
/** A backend ends when it next looks at its postmaster; longer than this, PostgreSQL itself refuses to start. */
const BACKENDS_MS_MAX = 10_000;

/** One project at a time per agent slot, on a machine that has other things to do. Durability is left as it is: complete. */
const SETTINGS: Record<string, string> = {
  listen_addresses: "",
  unix_socket_permissions: "0700",
  port: String(PORT),
  max_connections: "60",
  shared_buffers: "64MB",
  max_wal_size: "256MB",
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
  timezone: "UTC",
  log_timezone: "UTC",
  log_checkpoints: "off",
  logging_collector: "off",
  idle_in_transaction_session_timeout: "60s",
};

export interface PostgresOptions {
  home: string;
  /** `bwrap`, needed by root alone. */
  bubblewrap: string | undefined;
  progress: Progress;
  log: Logger;
  onFailure(error: KamachiqError): void;
}

/** Starts the embedded PostgreSQL of a home, making its data folder and its database when they are missing. */
export async function startPostgres(
  options: PostgresOptions,
): Promise<{ address: PostgresAddress; process: SupervisedProcess }> {
  const { home } = options;
  const binaries = postgresBinaries();
  await completeLibraries(binaries);
  const wrap = await userNamespace(options.bubblewrap);
  const data = join(home, "postgres");
  await createData(data, [...wrap, binaries.initdb], options.progress);
  const host = await socketFolder(home);
  const address: PostgresAddress = { host, port: PORT, user: USER, database: DATABASE };
  const settings = Object.entries({ ...SETTINGS, unix_socket_directories: host });
  const spec: ProcessSpec = {
    name: NAME,
    argv: [
      ...wrap,
      ...(await signalledWithParent("INT")),
      binaries.postgres,
      "-D",
      data,
      ...settings.flatMap(([k, v]) => ["-c", `${k}=${v}`]),
    ],
    env: environment(),
    cwd: home,
    log: join(home, "logs", "postgres.log"),
    run: join(home, "run"),
    ready: (signal) => untilConnected(address, signal),
    ready_ms_max: READY_MS_MAX,
    stop: [
      { signal: "SIGINT", wait_ms: 10_000 }, // fast: transactions are rolled back, a checkpoint is written
      { signal: "SIGQUIT", wait_ms: 3_000 }, // immediate: the next start recovers
    ],
    main: () => findPostmaster(data),
    prepare: () => removeStaleLocks(data, host),
  };
  const process = await superviseProcess(spec, options);
  try {
    await createDatabase(address);
  } catch (error) {
    await process.stop();
    throw error;
  }
  return { address, process };
}

/** Little, and in English: messages are read by us. */
const environment = (): Record<string, string> => ({
  PATH: process.env["PATH"] ?? "/usr/bin:/bin",
  LANG: "C",
  LC_ALL: "C",
});

/**
 * PostgreSQL refuses to be root. In a user namespace root is another user inside and still itself outside, so that the
 * data may lie in root's own home. Others start it bare: a namespace would give them nothing and could be forbidden.
 */
async function userNamespace(bubblewrap: string | undefined): Promise<string[]> {
  if (!isRoot()) return [];
  if (bubblewrap === undefined) {
    throw new ComponentMissingError(
      "bubblewrap",
      "PostgreSQL refuses to run as root, and there is no bubblewrap to change that.",
      "Run KAMACHIQ as an ordinary user, install bubblewrap, or set KAMACHIQ_DATABASE_URL to a PostgreSQL of your own.",
    );
  }
  const user = await ordinaryUser();
  return [
    bubblewrap,
    "--unshare-user",
    "--uid",
    user,
    "--gid",
    user,
    "--dev-bind",
    "/",
    "/",
    "--die-with-parent",
    "--",
  ];
}

/** `initdb` wants a user that has a name here. */
async function ordinaryUser(): Promise<string> {
  const passwd = await readFile("/etc/passwd", "utf8").catch(() => "");
  const ids = passwd.split("\n").flatMap((line) => line.split(":")[2] ?? []);
  return ids.includes("65534") ? "65534" : (ids.find((id) => id !== "0") ?? "65534");
}

/** A complete data folder or none: made beside its place and renamed. */
async function createData(data: string, initdb: string[], progress: Progress): Promise<void> {
  const version = await readFile(join(data, "PG_VERSION"), "utf8").catch(() => null);
  if (version !== null) return checkVersion(data, version.trim());
  const names = await readdir(dirname(data));
  const leftovers = names.filter((name) => name.startsWith(`${basename(data)}.new-`));
  await Promise.all(leftovers.map((name) => rm(join(dirname(data), name), { recursive: true, force: true })));
  progress("creating the database");
  const fresh = `${data}.new-${randomBytes(6).toString("hex")}`;
  // The builtin locale is the same on every system, so that an index means the same after an upgrade of the C library.
  const locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"];
  const argv = [...initdb, "-D", fresh, "-U", USER, "--auth=trust", ...locale, "--no-instructions"];
  const result = await tool(argv, { env: environment(), timeout_ms: INITDB_MS_MAX });
  if (result.exit_code !== 0) {
    await rm(fresh, { recursive: true, force: true });
    throw new KamachiqError(`The database can't be created in ${data}: ${reason(result)}.`, {
      code: "database_not_created",
      remedy: "See that the disk has room and the folder may be written; `kamachiq doctor` checks both.",
    });
  }
  await rename(fresh, data);
}

function checkVersion(data: string, version: string): void {
  if (version === MAJOR) return;
  throw new KamachiqError(`${data} was made by PostgreSQL ${version}, and this is ${MAJOR}.`, {
    code: "database_version",
    exit_code: 2,
    remedy: "Use the version of KAMACHIQ that made it, or another folder (--home DIR).",
  });
}

/** Nobody but us may enter it, which is all the authentication that the socket has. */
async function socketFolder(home: string): Promise<string> {
  const run = join(home, "run");
  await chmod(run, 0o700);
  if (Buffer.byteLength(run) <= SOCKET_FOLDER_BYTES_MAX) return run;
  const record = join(run, "socket-folder");
  const known = (await readFile(record, "utf8").catch(() => "")).trim();
  if (known !== "" && (await isPrivate(known))) return known;
  const folder = await mkdtemp(join(tmpdir(), "kamachiq-"));
  if (Buffer.byteLength(folder) > SOCKET_FOLDER_BYTES_MAX) {
    throw new KamachiqError(`Both ${run} and ${folder} are too long for the name of a socket.`, {
      code: "home_unusable",
      exit_code: 2,
      remedy: "Use a shorter --home, or set TMPDIR to a shorter folder.",
    });
  }
  await writeFile(record, folder, { mode: 0o600 });
  return folder;
}

async function isPrivate(folder: string): Promise<boolean> {
  const entry = await lstat(folder).catch(() => null);
  return entry !== null && entry.isDirectory() && entry.uid === process.getuid?.() && (entry.mode & 0o77) === 0;
}

async function postmasterPid(data: string): Promise<number | null> {
  const text = await readFile(join(data, "postmaster.pid"), "utf8").catch(() => "");
  const pid = Number.parseInt(text, 10);
  return pid > 0 ? pid : null;
}

/** The server that runs on this data folder, if one does: its command line names the folder. */
async function findPostmaster(data: string): Promise<number | null> {
  const pid = await postmasterPid(data);
  return pid !== null && (await commandLine(pid)).includes(`postgres -D ${data} `) ? pid : null;
}

/**
 * After a crash the lock files name a process that is gone, that nobody has waited for yet, or, after a reboot, that has
 * nothing to do with us; PostgreSQL refuses to start for the last two. Our own lock on the home is held and the postmaster
 * has ended when this runs, but its backends outlive it for a moment, and the files must stay while one is left.
 */
async function removeStaleLocks(data: string, sockets: string): Promise<void> {
  if ((await postmasterPid(data)) === null || process.platform !== "linux") return;
  const deadline = performance.now() + BACKENDS_MS_MAX;
  while (await anyRunsIn(data)) {
    if (performance.now() > deadline) return; // PostgreSQL then says itself whom it still sees
    await sleep(20);
  }
  for (const file of [join(sockets, `.s.PGSQL.${PORT}.lock`), join(data, "postmaster.pid")])
    await rm(file, { force: true });
}

/** Every PostgreSQL process works in its data folder. */
async function anyRunsIn(folder: string): Promise<boolean> {
  const real = await realpath(folder);
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const folders = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => null)));
  return folders.includes(real);
}

async function untilConnected(address: PostgresAddress, signal: AbortSignal): Promise<void> {
  while (!(await connects({ ...address, database: "postgres" }))) await sleep(15, undefined, { signal });
}

async function connects(address: PostgresAddress): Promise<boolean> {
  const client = new pg.Client({ ...address, connectionTimeoutMillis: 5_000 });
  client.on("error", () => {}); // told by connect
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

async function createDatabase(address: PostgresAddress): Promise<void> {
  const client = new pg.Client({ ...address, database: "postgres" });
  await client.connect();
  try {
    const { rowCount } = await client.query("select 1 from pg_database where datname = $1", [address.database]);
    if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(address.database)}`);
  } finally {
    await client.end();
  }
}
