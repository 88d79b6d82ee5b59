import type { ProjectView } from "../../api/views.ts";
import { KamachiqError } from "../../domain/errors.ts";
import { isTerminal } from "../../domain/intake.ts";
import type { ApiClient } from "../api-client.ts";
import { EXIT, exitCodeOf } from "../exit-code.ts";
import { latestProject } from "../projects.ts";
import type { Session } from "../session.ts";
import { watchToEnd } from "./run.ts";

interface Changed {
  project_id: string;
  changed: boolean;
}

/** `resume`: goes on with a project, paused or left alone, and shows it. */
export async function resume(session: Session, id: string | undefined, options: { detach?: boolean }): Promise<number> {
  const client = await session.connect();
  const project = id === undefined ? await latestProject(client, "unfinished") : await getProject(client, id);
  if (!isTerminal(project.state)) await unpause(session, client, project);
  if (options.detach === true) {
    session.print(project, () => `${project.id}\n`);
    return exitCodeOf(project.state);
  }
  return watchToEnd(session, client, project);
}

async function unpause(session: Session, client: ApiClient, project: ProjectView): Promise<void> {
  try {
    const { changed } = await client.post<Changed>(`/v1/projects/${project.id}/resume`);
    if (changed) session.progress(`${project.id} goes on.`);
  } catch (error) {
    if (!(error instanceof KamachiqError && error.code === "conflict")) throw error; // else it ended meanwhile
  }
}

/** `pause`: starts nothing new; what runs goes on. */
export async function pause(session: Session, id: string): Promise<number> {
  const client = await session.connect();
  const answer = await client.post<Changed>(`/v1/projects/${encodeURIComponent(id)}/pause`);
  session.print(answer, () =>
    answer.changed
      ? `${id} is paused; what runs goes on to its end. kamachiq resume ${id}\n`
      : `${id} was paused already.\n`,
  );
  return EXIT.delivered;
}

/** `cancel`: stops the project and its running agents. */
export async function cancel(session: Session, id: string, options: { reason?: string }): Promise<number> {
  const client = await session.connect();
  const body = options.reason === undefined ? {} : { reason: options.reason };
  const answer = await client.post<Changed>(`/v1/projects/${encodeURIComponent(id)}/cancel`, body);
  session.print(answer, () => (answer.changed ? `${id} is being cancelled.\n` : `${id} was ending already.\n`));
  return EXIT.delivered;
}

function getProject(client: ApiClient, id: string): Promise<ProjectView> {
  return client.get<ProjectView>(`/v1/projects/${encodeURIComponent(id)}`);
}
