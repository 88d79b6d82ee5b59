import { fileURLToPath } from "node:url";
import { bundleWorkflowCode, NativeConnection, Worker } from "@temporalio/worker";
import { Client, Connection } from "@temporalio/client";
import type { GraphTask } from "./engine.ts";

const QUEUE = "raw";
const OUTPUT = "x".repeat(2_048);

/** Plain Temporal on the same server: one child workflow and one activity a task, and nothing else. */
export interface Raw {
  /** Seconds from start to end. */
  run(name: string, tasks: readonly GraphTask[]): Promise<number>;
  stop(): Promise<void>;
}

export async function startRaw(address: string, agents_max: number): Promise<Raw> {
  const connection = await NativeConnection.connect({ address });
  const worker = await Worker.create({
    connection,
    taskQueue: QUEUE,
    workflowBundle: await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL("raw-workflows.ts", import.meta.url)),
      logger: { log() {}, trace() {}, debug() {}, info() {}, warn() {}, error() {} },
    }),
    activities: { work: async () => OUTPUT },
    maxConcurrentActivityTaskExecutions: agents_max,
    maxCachedWorkflows: 500,
    maxConcurrentWorkflowTaskPolls: 20,
    nonStickyToStickyPollRatio: 0.7,
  });
  const running = worker.run();
  const own = await Connection.connect({ address });
  const client = new Client({ connection: own });
  return {
    async run(name, tasks) {
      const began = performance.now();
      const args = [{ tasks: tasks.map(({ id, dependencies }) => ({ id, dependencies })) }];
      await client.workflow.execute("RawGraph", { workflowId: `raw/${name}`, taskQueue: QUEUE, args });
      return (performance.now() - began) / 1_000;
    },
    async stop() {
      worker.shutdown();
      await running;
      await own.close();
      await connection.close();
    },
  };
}
