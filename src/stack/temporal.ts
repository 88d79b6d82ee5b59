import { once } from "node:events";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Connection } from "@temporalio/client";
import type { Logger } from "pino";
import type { KamachiqError } from "../domain/errors.ts";
import type { ProcessSpec } from "./child.ts";
import { signalledWithParent } from "./host.ts";
import { tailOf } from "./process-log.ts";
import { type SupervisedProcess, superviseProcess } from "./supervise.ts";

const NAME = "temporal";
const LOOPBACK = "127.0.0.1";
const READY_MS_MAX = 60_000;
/** Another process may take a port between our choice and the server's start. */
const PORT_CHOICES_MAX = 3;

/**
 * The dev server's defaults are slow by configuration. Write-ahead log with full syncs stays durable; one partition and
 * faster pollers suit one machine (measured: 24 to 50 tasks a second on two cores). Fairness lets tenants share a queue.
 */
const PRAGMAS = ["journal_mode=WAL", "synchronous=FULL"];
const DYNAMIC_CONFIG = [
  "history.transferProcessorMaxPollRPS=2000",
  "history.timerProcessorMaxPollRPS=2000",
  "matching.numTaskqueueReadPartitions=1",
  "matching.numTaskqueueWritePartitions=1",
  "matching.enableFairness=true",
];
const SEARCH_ATTRIBUTES = ["KamachiqTenant=Keyword", "KamachiqProject=Keyword", "KamachiqRegion=Keyword"];

export interface TemporalOptions {
  home: string;
  /** The Temporal CLI. */
  binary: string;
  namespace: string;
  log: Logger;
  onFailure(error: KamachiqError): void;
}

export interface EmbeddedTemporal {
  /** host:port of the gRPC service; stays the same over restarts. */
  address: string;
  uiUrl: string;
  process: SupervisedProcess;
}

/** Starts the embedded Temporal server of a home on free ports of the loopback interface, with its state in a file. */
export async function startTemporal(options: TemporalOptions): Promise<EmbeddedTemporal> {
  for (let choice = 1; ; choice++) {
    const ports = await freePorts();
    const spec = await processSpec(options, ports);
    try {
      const process = await superviseProcess(spec, options);
      return { address: `${LOOPBACK}:${ports.grpc}`, uiUrl: `http://${LOOPBACK}:${ports.ui}`, process };
    } catch (error) {
      if (choice === PORT_CHOICES_MAX || !tailOf(spec.log, 30).some((line) => line.includes("already in use")))
        throw error;
    }
  }
}

interface Ports {
  grpc: number;
  ui: number;
  http: number;
  metrics: number;
}

async function processSpec({ home, binary, namespace }: TemporalOptions, ports: Ports): Promise<ProcessSpec> {
  const each = (flag: string, values: string[]): string[] => values.flatMap((value) => [flag, value]);
  const settings = {
    ip: LOOPBACK,
    port: ports.grpc,
    "ui-port": ports.ui,
    "http-port": ports.http,
    "metrics-port": ports.metrics,
    "db-filename": join(home, "temporal", "temporal.db"),
    namespace,
    "log-level": "warn",
  };
  const flags = [
    ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]),
    ...each("--sqlite-pragma", PRAGMAS),
    ...each("--dynamic-config-value", DYNAMIC_CONFIG),
    ...each("--search-attribute", SEARCH_ATTRIBUTES),
  ];
  return {
    name: NAME,
    argv: [...(await signalledWithParent("TERM")), binary, "server", "start-dev", ...flags],
    // Its own configuration files and variables could point it elsewhere.
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", HOME: join(home, "temporal"), DISABLE_UPDATE_CHECK: "1" },
    cwd: join(home, "temporal"),
    log: join(home, "logs", "temporal.log"),
    run: join(home, "run"),
    ready: (signal) => untilServing(ports.grpc, namespace, signal),
    ready_ms_max: READY_MS_MAX,
    stop: [{ signal: "SIGTERM", wait_ms: 8_000 }],
  };
}

/** Ports that are free now. They are held until all are known, so that no two are the same. */
async function freePorts(): Promise<Ports> {
  const servers = await Promise.all(
    [0, 1, 2, 3].map(async () => {
      const server = createServer().listen(0, LOOPBACK);
      await once(server, "listening");
      return server;
    }),
  );
  const [grpc = 0, ui = 0, http = 0, metrics = 0] = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return { grpc, ui, http, metrics };
}

/** A refused gRPC channel waits a second before it tries again, so the port is asked first. */
async function untilServing(port: number, namespace: string, signal: AbortSignal): Promise<void> {
  while (!(await accepts(port))) await sleep(10, undefined, { signal });
  const connection = await Connection.connect({ address: `${LOOPBACK}:${port}`, connectTimeout: READY_MS_MAX });
  try {
    while (!(await answers(connection, namespace))) await sleep(20, undefined, { signal });
  } finally {
    await connection.close();
  }
}

async function answers(connection: Connection, namespace: string): Promise<boolean> {
  try {
    await connection.withDeadline(Date.now() + 2_000, async () => {
      await connection.workflowService.describeNamespace({ namespace });
      await connection.workflowService.countWorkflowExecutions({ namespace, query: "KamachiqTenant = 'none'" });
    });
    return true;
  } catch {
    return false;
  }
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect({ host: LOOPBACK, port });
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
