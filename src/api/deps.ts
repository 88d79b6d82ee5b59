import type { Client } from "@temporalio/client";
import type { Pool } from "pg";
import type { Logger } from "pino";
import type { Capsule, CapsuleContent, LoadedCapsule } from "../domain/capsule.ts";
import type { GraphReport } from "../domain/graph.ts";
import type { ProjectSpec } from "../domain/intake.ts";
import type { Plan, PlannerOutput } from "../domain/plan.ts";
import type { PolicyDecision } from "../domain/policy.ts";
import type { Db } from "../persistence/database.ts";
import type { ArtifactStore } from "../ports/artifact-store.ts";
import type { CapsuleRepository } from "../ports/capsule-library.ts";
import type { LogSource } from "./log-files.ts";

export const ROLES = ["admin", "operator", "reviewer"] as const;
export type Role = (typeof ROLES)[number];

/** Someone who may call. `token_digest` is the SHA-256 of the bearer token, 64 hexadecimal characters. */
export interface Principal {
  name: string;
  roles: readonly Role[];
  token_digest: string;
}

/** A plan, or what becomes one, that came with the request. At most one of both. */
export interface GivenPlan {
  plan?: Plan | undefined;
  output?: PlannerOutput | undefined;
}

/** What a plan would be and what policy would say; nothing was written for it. */
export interface PlanPreview {
  plan: Plan;
  /** SHA-256 of the plan: what is approved, and the name of its artifact. */
  digest: string;
  /** By deliverable. */
  reports: Record<string, GraphReport>;
  decisions: (Pick<PolicyDecision, "allowed" | "score" | "threshold" | "violations"> & { deliverable_id: string })[];
}

export interface ApiSettings {
  /** The product's version, which the command line compares with its own. */
  version: string;
  /** Kind of sandbox that this server's agents run in. */
  sandbox: string;
  /** Largest `max_concurrency` that a spec may ask for. */
  max_concurrency: number;
  /** Regions that a worker of this installation serves; a spec for another one would wait for ever. */
  regions: readonly string[];
  /** Where people look at workflows; null when there is no such page. */
  temporal_ui: string | null;
  temporal_namespace: string;
  /** Names that a Host header may carry, without port. Null: any, for a server behind a proxy that checks them. */
  hosts: readonly string[] | null;
}

/** All that the API reaches; `main/` fills it. */
export interface ApiDeps {
  db: Db;
  /** For the one connection that listens for events. */
  pool: Pool;
  temporal: Client;
  principals: readonly Principal[];
  artifacts: ArtifactStore;
  logs: LogSource;
  settings: ApiSettings;
  log: Logger;
  /** Plans, or takes the plan that is given, validates and asks policy without writing anything. Throws what planning throws. */
  previewPlan(spec: ProjectSpec, given?: GivenPlan): Promise<PlanPreview>;
  capsules: CapsuleRepository;
  /** A content that came from outside, read and checked beside these capsules. Throws InputError with every problem. */
  checkCapsule(content: CapsuleContent, others: readonly Capsule[]): LoadedCapsule;
}
