import type { CapsuleContent } from "../domain/capsule.ts";
import type { CapsuleTestReport, CapsuleValidation } from "../domain/capsule-report.ts";
import type { GraphCatalogue } from "../domain/graph.ts";
import type { PlannerHeuristics } from "../domain/heuristics.ts";

/** A stream that we write to; `process.stdout` and `process.stderr` are two. */
export interface Output {
  write(text: string): unknown;
  isTTY?: boolean | undefined;
  columns?: number | undefined;
  rows?: number | undefined;
}

/** Where a running server is, as it wrote it into its home. */
export interface ServerInfo {
  url: string;
  version: string;
  pid: number;
}

/** One thing that the product stands on, as `kamachiq doctor` shows it. */
export interface Diagnosis {
  name: string;
  state: "ok" | "missing" | "unverified";
  /** What is there, or what is not. */
  detail: string;
  /** How to get it; null when nothing is to be done. */
  remedy: string | null;
}

/** The machine below the API, which only a few commands touch. `main/` fills it; each call loads what it needs. */
export interface Installation {
  /** Absolute path of the state folder. */
  home(option: string | undefined): Promise<string>;
  serverInfo(home: string): Promise<ServerInfo | null>;
  /** Makes the state folder with `logs` in it, and gets what is missing; `progress` is called with a line for whatever takes longer. */
  ensureComponents(
    home: string,
    options: { sandbox?: string | undefined; progress: (line: string) => void },
  ): Promise<void>;
  /** The bearer token of a local principal. Fails with NotFoundError or InputError. */
  token(home: string, principal: string): Promise<string>;
  diagnose(home: string): Promise<Diagnosis[]>;
}

/** What the offline commands need of the product's own files. Each call loads what it needs. */
export interface Offline {
  /** Personas, tools and capsules that plans may name, and how large the home's configuration lets graphs be. */
  catalogue(home: string): Promise<GraphCatalogue>;
  /** What the planner's capsule says of tasks that come from elsewhere. */
  heuristics(): Promise<PlannerHeuristics>;
  capsules(): Promise<CapsuleTools>;
}

/** What authors of capsules need; none of it needs a server. */
export interface CapsuleTools {
  /** Writes a small capsule that works; answers the paths written. Fails with InputError. */
  create(id: string, folder: string): Promise<string[]>;
  /** Problems are in the answer, and thrown by the others as InputError `capsule_invalid`. */
  validate(path: string): Promise<CapsuleValidation>;
  /** By the path of its YAML, or by id when it comes with the product. */
  test(
    target: string,
    options: { home: string; progress: (line: string) => void; signal: AbortSignal },
  ): Promise<CapsuleTestReport>;
  read(path: string): Promise<CapsuleContent>;
}

export interface CliDeps {
  version: string;
  stdout: Output;
  stderr: Output;
  env: Record<string, string | undefined>;
  installation: Installation;
  offline: Offline;
  /** Absolute paths of the processes that the command line starts. */
  entries: { server: string; worker: string };
  /** Aborts when the user interrupts. */
  interrupt: AbortSignal;
}
