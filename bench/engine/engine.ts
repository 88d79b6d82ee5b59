import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client, Connection } from "@temporalio/client";
import { pino } from "pino";
import { loadCapsules } from "../../src/adapters/capsule-library.ts";
import { createCapsuleRepository } from "../../src/adapters/capsule-repository.ts";
import { insertProject, startProjectWorkflow } from "../../src/api/projects.ts";
import { resolveConfig } from "../../src/config/config.ts";
import { ProjectSpec } from "../../src/domain/intake.ts";
import type { ProjectResult } from "../../src/domain/result.ts";
import { Plan, type TaskNode } from "../../src/domain/plan.ts";
import { composeDeps } from "../../src/main/compose.ts";
import { CAPSULES } from "../../src/main/paths.ts";
import { startWorkers } from "../../src/main/worker.ts";
import { type Db, migrate, openDatabase, openPool } from "../../src/persistence/database.ts";
import { canonicalJson } from "../../src/platform/digest.ts";
import { openLogs } from "../../src/platform/log.ts";
import type { ArtifactStore } from "../../src/ports/artifact-store.ts";
import type { CodingAgent } from "../../src/ports/coding-agent.ts";
import { ensureComponents } from "../../src/stack/components.ts";
import { startStack } from "../../src/stack/stack.ts";
import { projectWorkflowId } from "../../src/workflows/messages.ts";
import type { KamachiqProjectWorkflow } from "../../src/workflows/project.ts";
import { benchAgent, benchEvaluator } from "./agents.ts";

/** The product's own stack and workers, with the bench's agent and evaluator in place of the others. */
export interface Engine {
  home: string;
  db: Db;
  artifacts: ArtifactStore;
  client: Client;
  address: string;
  stop(): Promise<void>;
}

/** `agents_max`: agent activities at once in this process. */
export async function startEngine(agents_max: number, agent: CodingAgent = benchAgent): Promise<Engine> {
  const home = await mkdtemp(join(tmpdir(), "kamachiq-bench-"));
  const config = resolveConfig({ home });
  const components = await ensureComponents(config, (line) => console.error(line));
  const stack = await startStack({ config, components, progress: () => {}, log: pino({ level: "silent" }) });
  const db = openDatabase(openPool(stack.database));
  await migrate(db);
  const logs = openLogs(join(home, "logs"), "warn");
  const own = [
    ...(await loadCapsules(CAPSULES)),
    ...(await loadCapsules(fileURLToPath(new URL("capsules", import.meta.url)))),
  ];
  const library = createCapsuleRepository(db, async () => own);
  await library.list();
  const deps = {
    ...(await composeDeps({ config, components, db, logs })),
    library,
    agents: new Map([["bench", agent]]),
    evaluators: [benchEvaluator],
  };
  const { address, namespace } = stack.temporal;
  const { region, cache } = config;
  const workers = await startWorkers({ address, namespace, region, agents_max, cache, deps, log: logs.server });
  const connection = await Connection.connect({ address });
  return {
    home,
    db,
    artifacts: deps.artifacts,
    client: new Client({ connection, namespace }),
    address,
    async stop() {
      await workers.stop();
      await connection.close();
      await db.destroy();
      await stack.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

export interface GraphTask {
  id: string;
  dependencies: string[];
  /** How long its agent sleeps. */
  seconds?: number;
  /** What the plan says it takes; `seconds` unless given. */
  estimated_seconds?: number;
  when?: string;
  /** For the agent. */
  inputs?: TaskNode["inputs"];
}

export interface GraphRun {
  project_id: string;
  /** From the first task's start to the last one's end, in seconds. */
  seconds: number;
  /** From the project's start to its end, in seconds. */
  total_seconds: number;
}

/** Runs a graph to the end that it must have. */
export async function runGraph(
  engine: Engine,
  name: string,
  tasks: readonly GraphTask[],
  options: { integration: boolean },
): Promise<GraphRun> {
  const run = await startGraph(engine, name, tasks, options);
  const began = performance.now();
  const { state, reason } = await run.result();
  const total_seconds = (performance.now() - began) / 1_000;
  if (state !== "delivered") throw new Error(`${name} is ${state}: ${reason}`);
  return { project_id: run.project_id, seconds: await executed(engine.db, run.project_id), total_seconds };
}

/** Starts a graph as a project of its own, through all stages. `integration`: each task writes a file that is merged. */
export async function startGraph(
  engine: Engine,
  name: string,
  tasks: readonly GraphTask[],
  { integration }: { integration: boolean },
): Promise<{ project_id: string; result(): Promise<ProjectResult> }> {
  const { db, client, artifacts } = engine;
  const budget = { tokens: tasks.length * 1_000 };
  const provisioning = { repository: integration, board: true, pipeline: false, workspace: false, memory: true };
  const given = {
    name,
    goals: ["bench"],
    budget,
    agent: "bench",
    provisioning,
    max_concurrency: 10,
    timeout_minutes: 600,
  };
  const spec = ProjectSpec.parse(given);
  const plan = planOf(spec, tasks, integration, await engineCapsule(engine));
  const stored = await artifacts.put(canonicalJson(plan), "application/json");
  const row = await db
    .transaction()
    .execute((tx) =>
      insertProject(tx, { spec, plan: stored, approve_plan: false, actor: "operator", sandbox: "bubblewrap" }),
    );
  await startProjectWorkflow(client, row);
  const handle = client.workflow.getHandle<typeof KamachiqProjectWorkflow>(projectWorkflowId(row.id));
  return { project_id: row.id, result: () => handle.result() };
}

async function executed(db: Db, project_id: string): Promise<number> {
  const { first, last } = await db
    .selectFrom("tasks")
    .select((eb) => [eb.fn.min("started_at").as("first"), eb.fn.max("ended_at").as("last")])
    .where("project_id", "=", project_id)
    .executeTakeFirstOrThrow();
  return (Number(last) - Number(first)) / 1_000;
}

async function engineCapsule({ db }: Engine): Promise<{ version: string; digest: string }> {
  const { version, digest } = await db
    .selectFrom("capsule_contents")
    .select(["version", "digest"])
    .where("capsule_id", "=", "bench")
    .executeTakeFirstOrThrow();
  return { version, digest };
}

function planOf(
  spec: ProjectSpec,
  tasks: readonly GraphTask[],
  integration: boolean,
  { version, digest }: { version: string; digest: string },
): Plan {
  const nodes = tasks.map((task): Partial<TaskNode> & Pick<TaskNode, "id"> => ({
    id: task.id,
    type: "code",
    description: `Task ${task.id}`,
    dependencies: task.dependencies,
    estimated_tokens: 100,
    estimated_seconds: task.estimated_seconds ?? task.seconds ?? 0.01,
    persona: "developer_backend.v2",
    inputs: { seconds: task.seconds ?? 0, padding: "x".repeat(180), ...task.inputs },
    ...(task.when === undefined ? {} : { when: task.when }),
    success_criteria: [{ id: "output", text: "There is an output", check: "output" }],
    paths: [`${task.id}.txt`],
    checks: ["output"],
  }));
  return Plan.parse({
    revision: 1,
    planner: "bench",
    match: [],
    deliverables: [
      {
        id: "graph",
        persona: "developer_backend.v2",
        tools: [],
        budget_tokens: spec.budget.tokens,
        capsule: "bench",
        capsule_version: version,
        capsule_digest: digest,
      },
    ],
    provisioning: spec.provisioning,
    graphs: { graph: { nodes, budget_total: spec.budget.tokens, timeout_minutes: 600, quality_threshold: 0.8 } },
    estimated_tokens: tasks.length * 100,
  });
}

/** W(N): layers of ten; each task depends on two of the layer before. */
export function layered(n: number): GraphTask[] {
  return Array.from({ length: n }, (_, index) => {
    const layer = Math.floor(index / 10);
    const before = (offset: number): string => `t${(layer - 1) * 10 + ((index + offset) % 10)}`;
    return { id: `t${index}`, dependencies: layer === 0 ? [] : [before(0), before(1)] };
  });
}
