import type { Client } from "@temporalio/client";
import type { Logger } from "pino";
import type { Db } from "../persistence/database.ts";
import { type ProjectRow, startMissingWorkflows, startProjectWorkflow } from "./projects.ts";

const START_TIMEOUT_MS = 5_000;
const RETRY_MS = 2_000;

/** Sees to it that every project that was accepted gets its workflow, also when Temporal is away just then. */
export class WorkflowStarter {
  readonly #db: Db;
  readonly #temporal: Client;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(db: Db, temporal: Client, log: Logger) {
    this.#db = db;
    this.#temporal = temporal;
    this.#log = log;
  }

  /** Starts the project now, or as soon as Temporal answers. */
  async start(project: ProjectRow): Promise<void> {
    try {
      await this.#temporal.withDeadline(Date.now() + START_TIMEOUT_MS, () =>
        startProjectWorkflow(this.#temporal, project),
      );
    } catch (error) {
      this.#log.warn({ error, project: project.id }, "workflow could not be started yet");
      this.#later();
    }
  }

  /** Starts whatever an earlier process left without a workflow; tries until it has succeeded. */
  async reconcile(): Promise<void> {
    try {
      await startMissingWorkflows(this.#db, this.#temporal);
    } catch (error) {
      this.#log.warn({ error }, "workflows could not be reconciled yet");
      this.#later();
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #later(): void {
    if (this.#closed || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.reconcile();
    }, RETRY_MS);
  }
}
