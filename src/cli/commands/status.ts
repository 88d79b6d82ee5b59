import type { ProjectView, TaskView } from "../../api/views.ts";
import { EXIT } from "../exit-code.ts";
import type { Session } from "../session.ts";
import { endingText } from "../view/ending.ts";
import { renderFrame } from "../view/frame.ts";
import { initialModel, reduce } from "../view/model.ts";
import { painter } from "../view/renderer.ts";
import { cell, duration, score } from "../view/text.ts";

const LISTED_MAX = 20;
const TASKS_MAX = 1_000;

/** `status`: the last projects and where the server is, or one project in full. */
export async function status(session: Session, id: string | undefined): Promise<number> {
  if (id === undefined) await listProjects(session);
  else await showProject(session, id);
  return EXIT.delivered;
}

async function listProjects(session: Session): Promise<void> {
  const client = await session.connect();
  const [{ items }, { temporal_ui }] = await Promise.all([
    client.get<{ items: ProjectView[] }>("/v1/projects", { limit: LISTED_MAX }),
    client.get<{ temporal_ui: string | null }>("/readyz"),
  ]);
  session.print({ server: client.url, temporal_ui, projects: items }, () => {
    const rows = items.map((project) => {
      const end = project.finished_at === null ? Date.now() : Date.parse(project.finished_at);
      const time = duration(end - Date.parse(project.created_at));
      const graded = score(project.result?.quality_score ?? null);
      return `${cell(project.id, 32)} ${cell(project.state, 9)} ${cell(project.stage, 9)} ${cell(graded, 4)}  ${time}`;
    });
    const server = [`server    ${client.url}`, ...(temporal_ui === null ? [] : [`Temporal  ${temporal_ui}`])];
    return `${[...(rows.length === 0 ? ["No projects yet."] : rows), "", ...server].join("\n")}\n`;
  });
}

async function showProject(session: Session, id: string): Promise<void> {
  const client = await session.connect();
  const path = `/v1/projects/${encodeURIComponent(id)}`;
  const [project, { items }] = await Promise.all([
    client.get<ProjectView>(path),
    client.get<{ items: TaskView[] }>(`${path}/tasks`, { limit: TASKS_MAX }),
  ]);
  session.print({ ...project, task_list: items }, () => {
    const model = reduce(initialModel(project), { kind: "tasks", tasks: items });
    const { columns = 80 } = session.stdout;
    const paint = painter(session.stdout);
    const frame = renderFrame(model, { columns, rows: TASKS_MAX + 20, now: Date.now(), paint });
    return `${frame.join("\n")}\n${endingText(project, Date.now(), paint)}`;
  });
}
