// The embedded stack with its real processes: what it survives, what it leaves behind, what it keeps apart.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Client, Connection } from "@temporalio/client";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Config, resolveConfig } from "../src/config/config.ts";
import { runProcess } from "../src/platform/process.ts";
import { type Components, ensureComponents } from "../src/stack/components.ts";
import { diagnose } from "../src/stack/doctor.ts";
import { prepareHome } from "../src/stack/home.ts";
import { commandLine, processStart } from "../src/stack/host.ts";
import { acquireLock } from "../src/stack/lock.ts";
import { readServerInfo, removeServerInfo, writeServerInfo } from "../src/stack/server-info.ts";
import { loadPrincipals, readToken } from "../src/stack/tokens.ts";
import { sha256 } from "../src/platform/digest.ts";

const folder = mkdtempSync(join(tmpdir(), "kamachiq-stack-"));
const SUPERVISOR = fileURLToPath(new URL("support/stack-process.ts", import.meta.url));
const started: ChildProcess[] = [];
let config: Config;
let components: Components;

beforeAll(async () => {
  config = resolveConfig({ home: join(folder, "unused") });
  components = await ensureComponents(config, () => {});
});
afterAll(async () => {
  await Promise.all(started.map(stop));
  rmSync(folder, { recursive: true, force: true });
});

interface Serving {
  process: ChildProcess;
  database: { host: string; port: number; user: string; database: string };
  temporal: { address: string; uiUrl: string; namespace: string };
  started_ms: number;
}

async function supervise(home: string, env: Record<string, string> = {}): Promise<Serving> {
  const child = spawn(process.execPath, [SUPERVISOR, home], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  started.push(child);
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, "line")) as [string];
  return { process: child, ...(JSON.parse(line) as Omit<Serving, "process">) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  await once(child, "exit");
}

async function query<T>(database: Serving["database"], sql: string): Promise<T[]> {
  const client = new pg.Client(database);
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows as T[];
  } finally {
    await client.end();
  }
}

async function withTemporal<T>({ address }: Serving["temporal"], work: (client: Client) => Promise<T>): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await work(new Client({ connection }));
  } finally {
    await connection.close();
  }
}

/** Process ids of whatever has `home` in its command line, but for supervisors. */
async function processesOf(home: string): Promise<number[]> {
  const listed = await runProcess(["ps", "-eo", "pid="], {
    timeout_ms: 5_000,
    env: { PATH: process.env["PATH"] ?? "" },
  });
  const pids = listed.stdout.trim().split(/\s+/).map(Number);
  const lines = await Promise.all(pids.map(commandLine));
  return pids.filter((_, index) => lines[index]?.includes(`${home}/`) === true);
}

async function eventually<T>(work: () => Promise<T>, ms_max = 15_000): Promise<T> {
  const deadline = performance.now() + ms_max;
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(50);
    }
  }
}

describe("components", () => {
  it("are found without a word when they are cached", async () => {
    const again = await ensureComponents(config, (line) => expect.unreachable(line));
    expect(again).toEqual(components);
  });

  it("include Python tools that run where only /usr and their own folders can be seen", async () => {
    const { python, bin, readOnlyPaths } = components.python;
    const view = ["/usr", ...readOnlyPaths].flatMap((path) => ["--ro-bind", path, path]);
    const links = ["/bin", "/lib", "/lib64"].flatMap((path) => ["--symlink", `usr${path}`, path]);
    const sandbox = [components.bubblewrap ?? "", "--unshare-all", "--unshare-user", "--clearenv", ...view, ...links];
    for (const command of [
      [python, "-c", "import pytest, coverage, interrogate, ssl, sqlite3"],
      [join(bin, "ruff"), "--version"],
      [join(bin, "pytest"), "--version"],
      [join(bin, "interrogate"), "--version"],
    ]) {
      const result = await runProcess([...sandbox, "--proc", "/proc", "--dev", "/dev", "--", ...command], {
        timeout_ms: 20_000,
      });
      expect(result, command.join(" ")).toMatchObject({ exit_code: 0 });
    }
  });

  it("are what the doctor finds, who writes nothing", async () => {
    const diagnoses = await diagnose(config);
    expect(diagnoses.filter(({ state }) => state !== "ok")).toEqual([]);
    expect(() => statSync(config.home)).toThrow("ENOENT");
  });
});

describe("a home", () => {
  it("that can't be used is refused by name", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    await expect(prepareHome(join(file, "home"))).rejects.toMatchObject({
      code: "home_unusable",
      exit_code: 2,
      message: expect.stringContaining(join(file, "home")),
    });
    await expect(prepareHome("/proc/kamachiq/home")).rejects.toMatchObject({ code: "home_unusable" });
  });

  it("has one lock, which ends with its process", async () => {
    const home = join(folder, "locked");
    const lock = await acquireLock(home);
    expect(statSync(home).mode & 0o777).toBe(0o700);
    await expect(acquireLock(home)).rejects.toMatchObject({ code: "home_locked" });
    const script = `import { acquireLock } from ${JSON.stringify(fileURLToPath(new URL("../src/stack/lock.ts", import.meta.url)))};
      await acquireLock(${JSON.stringify(home)}); console.log("held"); setInterval(() => {}, 1000);`;
    const run = () =>
      spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "ignore"] });
    const refused = run();
    expect((await once(refused, "exit"))[0]).not.toBe(0);
    lock.release();
    const other = run();
    await once(other.stdout, "data");
    await expect(acquireLock(home)).rejects.toMatchObject({ code: "home_locked" });
    other.kill("SIGKILL");
    await once(other, "exit");
    (await acquireLock(home)).release();
  });

  it("says where its server is", async () => {
    const home = join(folder, "info");
    await prepareHome(home);
    const info = {
      pid: process.pid,
      url: "http://127.0.0.1:1",
      version: "0.0.0",
      temporal_address: "127.0.0.1:2",
      temporal_ui_url: null,
      database: { connectionString: "postgres://127.0.0.1/kamachiq" },
      started_at: new Date(0).toISOString(),
    };
    expect(await readServerInfo(home)).toBeNull();
    await writeServerInfo(home, info);
    expect(await readServerInfo(home)).toEqual(info);
    expect(statSync(join(home, "run", "server.json")).mode & 0o777).toBe(0o600);
    await removeServerInfo(home);
    expect(await readServerInfo(home)).toBeNull();
  });

  it("has a token for each principal, made once, though two make it at once", async () => {
    const own = resolveConfig({ home: join(folder, "tokens") });
    const [first, second] = await Promise.all([loadPrincipals(own), loadPrincipals(own)]);
    expect(first).toEqual(second);
    const token = await readToken(own.home, "reviewer");
    expect(first).toContainEqual({ name: "reviewer", roles: ["reviewer"], token_digest: sha256(token) });
    expect(statSync(join(own.home, "tokens", "reviewer")).mode & 0o777).toBe(0o600);
    await expect(readToken(own.home, "nobody")).rejects.toMatchObject({ code: "not_found" });
    await expect(readToken(own.home, "../config.yaml")).rejects.toMatchObject({ code: "principal_invalid" });
  });
});

describe("the stack", () => {
  it("runs beside another one, and each keeps what is its own", async () => {
    const homes = [join(folder, "one"), join(folder, `two-${"long-".repeat(20)}`)];
    const [one, two] = await Promise.all(homes.map((home) => supervise(home)));
    if (one === undefined || two === undefined) throw new Error("two homes, two stacks");
    expect(one.temporal.address).not.toBe(two.temporal.address);
    expect(Buffer.byteLength(two.database.host)).toBeLessThan(90);
    expect(statSync(two.database.host).mode & 0o777).toBe(0o700);
    await query(one.database, "create table mine (n int)");
    await expect(query(two.database, "select * from mine")).rejects.toThrow("does not exist");
    const [settings] = await query(
      one.database,
      "select current_setting('fsync') f, current_setting('listen_addresses') l",
    );
    expect(settings).toEqual({ f: "on", l: "" });
    expect((await fetch(one.temporal.uiUrl)).status).toBe(200);
    await Promise.all([one, two].map(({ process }) => stop(process)));
    for (const home of homes) expect(await processesOf(home)).toEqual([]);
    rmSync(two.database.host, { recursive: true }); // outside its home, whose path is too long for a socket
  });

  // Without setpriv on PATH nothing tells the processes that their supervisor is dead: the next one must find them.
  it.each([
    ["with the kernel's help", {}],
    ["without it", { PATH: "/nonexistent" }],
  ])("keeps its data over a kill -9 of its supervisor and leaves no orphan, %s", async (name, env) => {
    const home = join(folder, `killed-${name.length}`);
    const first = await supervise(home, env);
    await query(first.database, "create table kept (n int); insert into kept values (41), (42)");
    await withTemporal(first.temporal, (client) =>
      client.workflow.start("nobody-runs-this", {
        taskQueue: "nobody",
        workflowId: "kept",
        searchAttributes: { KamachiqTenant: ["t"], KamachiqProject: ["p"], KamachiqRegion: ["r"] },
      }),
    );
    const before = await processesOf(home);
    first.process.kill("SIGKILL");
    await once(first.process, "exit");

    const second = await supervise(home, env);
    expect(await query(second.database, "select n from kept order by n")).toEqual([{ n: 41 }, { n: 42 }]);
    const status = await withTemporal(second.temporal, async (client) => {
      return (await client.workflow.getHandle("kept").describe()).status.name;
    });
    expect(status).toBe("RUNNING");
    const after = await processesOf(home);
    expect(after.filter((pid) => before.includes(pid) && pid !== second.process.pid)).toEqual([]);
    await stop(second.process);
    expect(await processesOf(home)).toEqual([]);
  });

  it("brings PostgreSQL and Temporal back on the same address when one of them is killed", async () => {
    const home = join(folder, "halves");
    const serving = await supervise(home);
    await query(serving.database, "create table kept (n int); insert into kept values (1)");
    const postmaster = Number.parseInt(await readFile(join(home, "postgres", "postmaster.pid"), "utf8"), 10);
    const { pid: temporal } = JSON.parse(await readFile(join(home, "run", "temporal.json"), "utf8")) as { pid: number };
    process.kill(postmaster, "SIGKILL");
    process.kill(temporal, "SIGKILL");
    expect(await eventually(() => query(serving.database, "select n from kept"))).toEqual([{ n: 1 }]);
    await eventually(() =>
      withTemporal(serving.temporal, (client) =>
        client.workflow.start("nobody-runs-this", { taskQueue: "nobody", workflowId: "after" }),
      ),
    );
    expect(await processStart(postmaster)).toBeNull();
    expect(serving.process.exitCode).toBeNull();
    await stop(serving.process);
    expect(await processesOf(home)).toEqual([]);
  });
});
