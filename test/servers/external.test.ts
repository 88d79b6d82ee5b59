// The product against servers that it did not start: a PostgreSQL of the system's packages and a Temporal of its own process.
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type ExternalPostgres, postgresMissing, startExternalPostgres } from "../support/external-postgres.ts";
import { type ExternalTemporal, startExternalTemporal } from "../support/external-temporal.ts";
import { collect, Kamachiq, type Outcome, parseRun, untilEvent } from "../support/kamachiq.ts";
import { expectOnce } from "../support/once.ts";

const OUTAGE_MS = 3_000;
const missing = postgresMissing();
if (missing !== null)
  process.stderr.write(`skipped, for want of a PostgreSQL that the product did not start: ${missing}\n`);

describe.skipIf(missing !== null)("with a PostgreSQL and a Temporal of someone else", () => {
  let kamachiq: Kamachiq;
  let postgres: ExternalPostgres;
  let temporal: ExternalTemporal;
  const cleanup: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    temporal = await startExternalTemporal();
    cleanup.push(() => temporal.stop());
    postgres = await startExternalPostgres();
    cleanup.push(() => postgres.stop());
    vi.stubEnv("KAMACHIQ_DATABASE_URL", postgres.url);
    vi.stubEnv("TEMPORAL_ADDRESS", temporal.address);
    kamachiq = await Kamachiq.create();
    cleanup.push(() => kamachiq.dispose());
  });

  afterAll(async () => {
    for (const step of cleanup.toReversed()) await step();
    vi.unstubAllEnvs();
  });

  const spec = (operation: string): Promise<string> =>
    kamachiq.file(
      `${operation}.yaml`,
      `name: ${operation}-cli
goals: [Create Python CLI calculator]
parameters: { package: ${operation}_cli, command: ${operation}-cli, operations: [${operation}] }
budget: { tokens: 200000 }
`,
    );

  async function expectDelivered(outcome: Outcome): Promise<void> {
    const { result } = parseRun(outcome.stdout);
    expect(result?.state, outcome.stderr + outcome.stdout.slice(-2_000)).toBe("delivered");
    expect(outcome.code).toBe(0);
    await expectOnce(kamachiq, result?.project_id ?? "");
  }

  it("delivers, and starts no server of its own", async () => {
    await expectDelivered(await kamachiq.run(["run", await spec("add"), "--json"]));
    const { home } = kamachiq;
    expect(existsSync(join(home, "postgres"))).toBe(false);
    expect(await readdir(join(home, "temporal")).catch(() => [])).toEqual([]);
    expect(await readdir(join(home, "logs"))).not.toContain("postgres.log");
    expect(await readdir(join(home, "logs"))).not.toContain("temporal.log");
  });

  it("lets a second worker take part, whose end loses nothing", async () => {
    // It needs no server of ours, only the ones that the environment names; and the longest waiting poller is served first.
    await kamachiq.run(["down"]);
    const worker = kamachiq.start(["worker"]);
    const ended = collect(worker);
    try {
      await new Promise<void>((resolve, reject) => {
        worker.stderr?.on("data", (text: Buffer) => /worker for/.test(String(text)) && resolve());
        worker.once("close", () => reject(new Error("the worker ended at once")));
      });
      const before = await temporal.workers();
      const run = kamachiq.start(["run", await spec("gcd"), "--json"]);
      const outcome = collect(run);
      await untilEvent(run, (event) => event.type === "kamachiq.execute.task_merged");
      worker.kill("SIGTERM");
      expect((await ended).code).toBe(0);
      await expectDelivered(await outcome);
      const server = `${await kamachiq.serverPid()}@`;
      const workers = [...(await temporal.workers())];
      expect(workers.filter((identity) => !before.has(identity) && !identity.startsWith(server)).length).toBe(1);
    } finally {
      worker.kill("SIGTERM");
      if (worker.exitCode === null && worker.signalCode === null) await once(worker, "close");
    }
  });

  it("goes on with a run whose PostgreSQL was killed and came back", async () => {
    const server = await kamachiq.serverPid();
    const run = kamachiq.start(["run", await spec("maximum"), "--json"]);
    const outcome = collect(run);
    await untilEvent(run, (event) => event.type === "kamachiq.execute.task_produced");
    await postgres.kill();
    await sleep(OUTAGE_MS);
    await postgres.restart();
    await expectDelivered(await outcome);
    if (server !== null) expect(await kamachiq.serverPid()).toBe(server);
  });
});
