import { DefaultLogger, makeTelemetryFilterString, NativeConnection, Runtime, Worker } from "@temporalio/worker";
import type { Logger } from "pino";
import type { ActivityDeps } from "../activities/deps.ts";
import { createAgentActivities, createControlActivities } from "../activities/index.ts";
import { agentsQueue, CONTROL_QUEUE } from "../workflows/messages.ts";
import { activityInterceptor } from "./interceptors.ts";
import { workflowBundle } from "./workflow-bundle.ts";

export interface WorkerOptions {
  address: string;
  namespace: string;
  /** Agent activities of this region are polled for, and of no other. */
  region: string;
  /** Agent activities at once in this process. */
  agents_max: number;
  /** Folder for the workflow bundle. */
  cache: string;
  deps: ActivityDeps;
  log: Logger;
}

export interface RunningWorkers {
  /** Rejects when a worker fails. */
  done: Promise<void>;
  /** Lets running activities end within 5 seconds, then cancels them; Temporal gives them to the next worker. */
  stop(): Promise<void>;
}

/** Two workers: projects and deliverables on the control queue, and the region's tasks with their agents on a queue of their own. */
export async function startWorkers(options: WorkerOptions): Promise<RunningWorkers> {
  const { namespace, deps, log } = options;
  installRuntime(log);
  const [workflowBundleFile, connection] = await Promise.all([
    workflowBundle(options.cache, log),
    NativeConnection.connect({ address: options.address }),
  ]);
  const common = {
    connection,
    namespace,
    shutdownGraceTime: "5 seconds",
    interceptors: { activity: [activityInterceptor(log)] },
    workflowBundle: workflowBundleFile,
    maxCachedWorkflows: 500,
    // More pollers, and mostly on the sticky queue: measured in docs/performance.md.
    maxConcurrentWorkflowTaskPolls: 20,
    nonStickyToStickyPollRatio: 0.7,
  };
  const workers = await Promise.all([
    Worker.create({
      ...common,
      taskQueue: CONTROL_QUEUE,
      activities: createControlActivities(deps),
    }),
    // Tasks run where their agents are: an agent is then handed over with the answer to the workflow's own task.
    Worker.create({
      ...common,
      taskQueue: agentsQueue(options.region),
      activities: { ...createControlActivities(deps), ...createAgentActivities(deps) },
      maxConcurrentActivityTaskExecutions: options.agents_max,
    }),
  ]);
  const done = Promise.all(workers.map((worker) => worker.run())).then(() => connection.close());
  return {
    done,
    async stop() {
      for (const worker of workers) if (worker.getState() === "RUNNING") worker.shutdown();
      await done.catch(() => {}); // its failure was told through `done`
    },
  };
}

let installed = false;

/** Temporal's own log goes to ours. There is one runtime a process. */
function installRuntime(log: Logger): void {
  if (installed) return;
  installed = true;
  Runtime.install({
    logger: new DefaultLogger("WARN", ({ level, message, meta }) => {
      log[level === "ERROR" ? "error" : "warn"]({ temporal: meta }, message);
    }),
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: "WARN", other: "ERROR" }), forward: {} } },
    shutdownSignals: [], // main/server.ts decides when to stop
  });
}
