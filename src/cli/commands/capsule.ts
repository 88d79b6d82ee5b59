import { randomUUID } from "node:crypto";
import type { CapsuleDetail, CapsuleView, InstallationView } from "../../api/capsule-views.ts";
import { NotFoundError } from "../../domain/errors.ts";
import { printable } from "../../platform/text.ts";
import type { ApiClient } from "../api-client.ts";
import { EXIT } from "../exit-code.ts";
import type { Session } from "../session.ts";
import { cell } from "../view/text.ts";

interface Page<T> {
  items: T[];
  next: number | null;
}
interface Tenant {
  tenant: string;
}

const once = (): Record<string, string> => ({ "idempotency-key": randomUUID() });

/** `capsule list`: every version, and which are in force. */
export async function list(session: Session, { tenant }: Tenant): Promise<number> {
  const client = await session.connect();
  const capsules = await all<CapsuleView>(client, "/v1/capsules", { tenant });
  session.print({ capsules }, () => capsules.map(lineOf).join(""));
  return EXIT.delivered;
}

function lineOf({ id, version, origin, in_force, summary }: CapsuleView): string {
  const state = in_force ? "in force" : origin === "published" ? "published" : "";
  return `${cell(id, 28)} ${cell(version, 10)} ${cell(state, 9)} ${printable(summary)}\n`;
}

/** `capsule show`: one version in full. */
export async function show(session: Session, name: string, { tenant }: Tenant): Promise<number> {
  const client = await session.connect();
  const { id, version } = split(name);
  const path = `/v1/capsules/${encodeURIComponent(id)}`;
  const detail = await client.get<CapsuleDetail>(path, { tenant, version });
  session.print(detail, () => detailText(detail));
  return EXIT.delivered;
}

function detailText({ capsule, digest, origin, in_force, versions, templates }: CapsuleDetail): string {
  const properties = Object.entries((capsule.parameters["properties"] ?? {}) as Record<string, object>);
  const lines = [
    `${capsule.id} ${capsule.version}, ${capsule.type}${capsule.stack === undefined ? "" : `, ${capsule.stack}`}`,
    capsule.summary,
    `digest ${digest}, ${templates.length} templates, ${origin === "product" ? "comes with the product" : "published"}${in_force ? ", in force" : ""}`,
    ...capsule.capabilities.map(
      (group, index) => `${index === 0 ? "asked for by" : "         and"}: ${group.join(", ")}`,
    ),
    ...(properties.length === 0 ? [] : ["", "parameters"]),
    ...properties.map(
      ([key, { description = "" }]: [string, { description?: string }]) => `  ${cell(key, 20)} ${description}`,
    ),
    ...(capsule.tasks.length === 0 ? [] : ["", "tasks"]),
    ...capsule.tasks.map(({ id, type, description }) => `  ${cell(id, 20)} ${cell(type, 7)} ${description}`),
    ...(capsule.uses.length === 0 ? [] : ["", `uses ${capsule.uses.map((use) => use.capsule).join(", ")}`]),
    ...(versions.length === 0 ? [] : ["", `published: ${versions.map(({ version }) => version).join(", ")}`]),
  ];
  return `${printable(lines.join("\n"))}\n`;
}

/** `capsule publish`: this content is this version from now on. */
export async function publish(session: Session, path: string): Promise<number> {
  const content = await (await session.deps.offline.capsules()).read(path);
  const client = await session.connect();
  const published = await client.post<CapsuleView>("/v1/capsules", content, once());
  const { id, version, digest } = published;
  session.print(published, () => {
    return `${id} ${version} is published, digest ${digest.slice(0, 12)}\nkamachiq capsule install ${id}@${version}\n`;
  });
  return EXIT.delivered;
}

/** `capsule install`: the tenant's next plans are made with this version. */
export async function install(session: Session, name: string, { tenant }: Tenant): Promise<number> {
  const client = await session.connect();
  const { id, version } = split(name);
  const done = await client.post<InstallationView>("/v1/installations", { tenant, capsule: id, version }, once());
  session.print(done, () => `${done.capsule} ${done.version} is in force for ${done.tenant}\n`);
  return EXIT.delivered;
}

/** `capsule rollback`: back to what was in force before. */
export async function rollback(session: Session, id: string, { tenant }: Tenant): Promise<number> {
  const client = await session.connect();
  const installed = await all<InstallationView>(client, "/v1/installations", { tenant, capsule: id });
  const current = installed.find(({ in_force }) => in_force);
  if (current === undefined) throw new NotFoundError("installation", id, `Nothing of it is installed for ${tenant}.`);
  const done = await client.post<InstallationView>(`/v1/installations/${current.id}/rollback`, {}, once());
  session.print(done, () => `${done.capsule} ${done.version} is in force for ${done.tenant} again\n`);
  return EXIT.delivered;
}

async function all<T>(client: ApiClient, path: string, query: Record<string, string>): Promise<T[]> {
  const items: T[] = [];
  for (let after: number | null = 0; after !== null;) {
    const page: Page<T> = await client.get<Page<T>>(path, { ...query, after });
    items.push(...page.items);
    after = page.next;
  }
  return items;
}

function split(name: string): { id: string; version: string | undefined } {
  const [id = "", version] = name.split("@");
  return { id, version };
}
