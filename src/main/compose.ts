import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { activityInfo } from "@temporalio/activity";
import type { ActivityDeps } from "../activities/deps.ts";
import { createTemplateAgent } from "../adapters/agent-template.ts";
import { createFileArtifactStore } from "../adapters/artifact-store-files.ts";
import { createPostgresBoard } from "../adapters/board-postgres.ts";
import { watchCapsuleFolder } from "../adapters/capsule-folder.ts";
import { createCapsuleRepository } from "../adapters/capsule-repository.ts";
import { readCatalogue } from "../adapters/catalogue.ts";
import { createModel } from "../adapters/model.ts";
import { createPostgresMemory } from "../adapters/memory-postgres.ts";
import { createPlanner } from "../adapters/planner.ts";
import { createCapsulePlanner } from "../adapters/planner-capsule.ts";
import { createCitedPlanner } from "../adapters/planner-cited.ts";
import { createModelPlanner } from "../adapters/planner-model.ts";
import { createTenantPlanner } from "../adapters/planner-tenant.ts";
import { createPolicyFiles } from "../adapters/policy-files.ts";
import { createGitSourceControl } from "../adapters/source-control-git.ts";
import { createCapsuleRenderer } from "../adapters/renderer-capsule.ts";
import { createExtractiveSummariser } from "../adapters/summariser-extractive.ts";
import { createModelSummariser } from "../adapters/summariser-model.ts";
import { createPostgresTaskHistory } from "../adapters/task-history-postgres.ts";
import type { Config } from "../config/config.ts";
import type { Db } from "../persistence/database.ts";
import type { Logs } from "../platform/log.ts";
import { findNodeTools } from "../stack/component-node.ts";
import { createDependencyInstaller } from "../stack/dependencies.ts";
import { createEvaluators } from "./evaluators.ts";
import { graphLimits } from "./graph-limits.ts";
import { CAPSULES, POLICIES } from "./paths.ts";
import { createSandbox } from "./sandbox.ts";
import type { Components } from "../stack/components.ts";

export interface Embedding {
  config: Config;
  components: Components;
  db: Db;
  logs: Logs;
}

/** Fills the ports with the adapters of one machine: files, local git, the product's own database. */
export async function composeDeps({ config, components, db, logs }: Embedding): Promise<ActivityDeps> {
  const folder = (name: string): string => join(config.home, name);
  await Promise.all(
    ["scratch", "reports", "repositories", "worktrees"].map((name) => mkdir(folder(name), { recursive: true })),
  );
  const sandbox = createSandbox(config, components);
  await sandbox.check();
  const library = createCapsuleRepository(
    db,
    watchCapsuleFolder(CAPSULES, (err) => logs.server.error({ err }, "the capsules were changed and are not valid")),
  );
  await library.list(); // what is not valid from the start is told now
  const policies = await createPolicyFiles(POLICIES);
  const model = createModel(config.model);
  const history = createPostgresTaskHistory(db);
  const graph_limits = graphLimits(config);
  const planner = createTenantPlanner(library, async (own) => {
    const catalogue = { ...(await readCatalogue(own, policies.engine.rule_sets)), limits: graph_limits };
    const options = { library: own, catalogue, history, summariser: createModelSummariser };
    const modelPlanner = model && createModelPlanner({ ...options, model });
    return createPlanner(createCapsulePlanner(own, history), modelPlanner);
  });
  return {
    db,
    artifacts: createFileArtifactStore(folder("artifacts")),
    library,
    renderer: createCapsuleRenderer(),
    // What is required, and what covers it, is read by rules, whatever a model says.
    planner: createCitedPlanner(planner, createExtractiveSummariser()),
    policy: {
      get constitution_hash() {
        return policies.constitution_hash;
      },
      evaluate: (context, options) => policies.engine.evaluate(context, options),
    },
    sourceControl: createGitSourceControl({ root: folder("repositories"), worktrees: folder("worktrees") }),
    board: createPostgresBoard(db),
    memory: createPostgresMemory(db),
    agents: new Map([["template", createTemplateAgent()]]),
    evaluators: createEvaluators({ sandbox, python: components.python, node: await findNodeTools() }),
    dependencies: createDependencyInstaller({ cache: config.cache, python: components.python }),
    graph_limits,
    sandbox: sandbox.kind,
    scratch: folder("scratch"),
    reports: folder("reports"),
    log: (projectId) => logs.project(projectId).child({ project: projectId, ...execution() }),
  };
}

/** Ids of the workflow execution whose activity is running: what activities log carries them. */
function execution(): { workflow: string | undefined; run: string | undefined } {
  const { workflowExecution } = activityInfo();
  return { workflow: workflowExecution?.workflowId, run: workflowExecution?.runId };
}
