import { setTimeout as sleep } from "node:timers/promises";
import type { ProjectView, TaskView } from "../api/views.ts";
import { isTerminal } from "../domain/intake.ts";
import { KamachiqError } from "../domain/errors.ts";
import type { ApiClient } from "./api-client.ts";
import { EXIT } from "./exit-code.ts";
import { followEvents } from "./event-stream.ts";
import type { Session } from "./session.ts";
import { initialModel, reduce, type ViewInput, type ViewModel } from "./view/model.ts";
import type { Renderer } from "./view/renderer.ts";

const POLL_MS = 500;
const REDRAW_MS = 100;
/** A project that only people can move on is left when it has stood so for this long, in milliseconds. */
const SETTLED_MS = 1_500;
const TASKS_PAGE = 1_000;
const TASK_PAGES_MAX = 20;
/** A server that answers nothing useful for this long is given up, in milliseconds. */
const LOST_MAX_MS = 120_000;
/** Rows that changed within this time before the newest known change are read again: writers don't commit in order. */
const OVERLAP_MS = 2_000;

export interface Watched {
  project: ProjectView;
  /** The user interrupted; the project goes on. */
  detached: boolean;
}

/**
 * Shows a project until it ends or only a person can move it on, through lost connections and servers that die.
 * Throws when the server can't be had again.
 */
export async function watchProject(
  session: Session,
  client: ApiClient,
  project: ProjectView,
  renderer: Renderer,
): Promise<Watched> {
  session.handlesInterrupt = true;
  const watch = new Watch(session, client, project, renderer);
  const { note } = session;
  session.note = renderer.note?.bind(renderer) ?? note;
  const redraw = setInterval(() => renderer.update(watch.model), REDRAW_MS);
  try {
    return await watch.run();
  } finally {
    clearInterval(redraw);
    session.note = note;
    renderer.update(watch.model);
    renderer.close();
  }
}

class Watch {
  readonly #session: Session;
  readonly #renderer: Renderer;
  #client: ApiClient;
  model: ViewModel;
  #changedSince: string | undefined;
  #restedSince: number | undefined;
  #lostSince: number | undefined;
  #finished = false;

  constructor(session: Session, client: ApiClient, project: ProjectView, renderer: Renderer) {
    this.#session = session;
    this.#client = client;
    this.#renderer = renderer;
    this.model = initialModel(project);
  }

  async run(): Promise<Watched> {
    const { interrupt } = this.#session.deps;
    while (!interrupt.aborted) {
      const round = new AbortController();
      const signal = AbortSignal.any([interrupt, round.signal]);
      try {
        await Promise.race([this.#follow(signal), this.#poll(signal)]);
        if (interrupt.aborted) break;
        this.#changedSince = undefined;
        await this.#refresh();
        return { project: this.model.project, detached: false };
      } catch (error) {
        if (interrupt.aborted) break;
        await this.#recover(error);
      } finally {
        round.abort();
      }
    }
    return { project: this.model.project, detached: true };
  }

  /** Waits out what may pass and gets a server again; throws what will not pass. */
  async #recover(error: unknown): Promise<void> {
    if (!(error instanceof KamachiqError && error.exit_code === EXIT.failed)) throw error;
    this.#lostSince ??= performance.now();
    if (performance.now() - this.#lostSince > LOST_MAX_MS) throw error;
    this.#apply({ kind: "connection", connected: false });
    await sleep(POLL_MS);
    this.#client = await this.#session.reconnect();
  }

  #apply(input: ViewInput): void {
    this.model = reduce(this.model, input);
  }

  /** Until the project's last event has come and its row has the result, which is written a moment later. */
  async #follow(signal: AbortSignal): Promise<void> {
    if (!this.#finished) await this.#followEvents(signal);
    while (!isTerminal(this.model.project.state)) await sleep(REDRAW_MS, undefined, { signal });
  }

  async #followEvents(signal: AbortSignal): Promise<void> {
    for await (const event of followEvents(this.#client, this.model.project.id, this.model.sequence, signal)) {
      if (event.sequence <= this.model.sequence) continue;
      this.#apply({ kind: "event", event });
      this.#renderer.event(event, this.model);
      this.#finished = event.type === "kamachiq.complete.finished";
    }
  }

  /** Until only a person can move the project on. Its end is left to the events, so that none of them is missed. */
  async #poll(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#refresh();
      if (this.#rests()) return;
      await sleep(POLL_MS, undefined, { signal });
    }
  }

  #rests(): boolean {
    const { state } = this.model.project;
    if (state === "running" || isTerminal(state)) this.#restedSince = undefined;
    else this.#restedSince ??= performance.now();
    return this.#restedSince !== undefined && performance.now() - this.#restedSince >= SETTLED_MS;
  }

  async #refresh(): Promise<void> {
    const path = `/v1/projects/${this.model.project.id}`;
    const [project] = await Promise.all([this.#client.get<ProjectView>(path), this.#refreshTasks(`${path}/tasks`)]);
    this.#apply({ kind: "project", project });
    this.#apply({ kind: "connection", connected: true });
    this.#lostSince = undefined;
  }

  async #refreshTasks(path: string): Promise<void> {
    const changed_since = this.#changedSince;
    let after = 0;
    for (let pages = 0; pages < TASK_PAGES_MAX; pages++) {
      const query = { after, limit: TASKS_PAGE, changed_since };
      const { items, next } = await this.#client.get<{ items: TaskView[]; next: number | null }>(path, query);
      this.#apply({ kind: "tasks", tasks: items });
      this.#noteChange(items);
      if (next === null) return;
      after = next;
    }
  }

  #noteChange(tasks: TaskView[]): void {
    const newest = tasks.map((task) => task.heartbeat_at ?? "").reduce((a, b) => (a > b ? a : b), "");
    if (newest === "") return;
    const since = new Date(Date.parse(newest) - OVERLAP_MS).toISOString();
    if (this.#changedSince === undefined || since > this.#changedSince) this.#changedSince = since;
  }
}
