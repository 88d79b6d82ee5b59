import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeAtomically } from "./install.ts";

const ServerInfo = z.object({
  pid: z.int().positive(),
  /** Where the API listens. */
  url: z.url(),
  version: z.string(),
  /** host:port of Temporal's gRPC service. */
  temporal_address: z.string(),
  temporal_ui_url: z.url().nullable(),
  /** Where its database is; the file is readable by its owner only. */
  database: z.union([
    z.object({ connectionString: z.string() }),
    z.object({ host: z.string(), port: z.int(), user: z.string(), database: z.string() }),
  ]),
  /** ISO 8601. */
  started_at: z.string(),
});

/** Where the server of a home is. It may have died since: whoever reads this asks `/healthz`. */
export type ServerInfo = z.infer<typeof ServerInfo>;

const pathOf = (home: string): string => join(home, "run", "server.json");

/** What the server of this home wrote; null when none did, or it is unreadable. */
export async function readServerInfo(home: string): Promise<ServerInfo | null> {
  try {
    return ServerInfo.parse(JSON.parse(await readFile(pathOf(home), "utf8")));
  } catch {
    return null;
  }
}

export async function writeServerInfo(home: string, info: ServerInfo): Promise<void> {
  await writeAtomically(pathOf(home), `${JSON.stringify(info, null, 2)}\n`);
}

export async function removeServerInfo(home: string): Promise<void> {
  await rm(pathOf(home), { force: true });
}
