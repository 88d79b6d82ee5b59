import type { ProjectView } from "../api/views.ts";
import { InputError } from "../domain/errors.ts";
import type { ApiClient } from "./api-client.ts";

/** The newest project, or the newest unfinished one. Fails when there is none. */
export async function latestProject(client: ApiClient, state?: "unfinished"): Promise<ProjectView> {
  const { items } = await client.get<{ items: ProjectView[] }>("/v1/projects", { limit: 1, state });
  const [project] = items;
  if (project !== undefined) return project;
  throw new InputError(state === undefined ? "There are no projects yet." : "No project is unfinished.", {
    code: "no_project",
    remedy: "Start one with `kamachiq run SPEC`; `kamachiq status` lists those that are there.",
  });
}
