import { z } from "zod";
import type { Capsule } from "./capsule.ts";
import { InputError } from "./errors.ts";
import { Id } from "./ids.ts";

export const RESOURCE_KINDS = ["repository", "pipeline", "workspace", "dependencies", "board", "memory"] as const;
export type ResourceKind = (typeof RESOURCE_KINDS)[number];

/** A thing that provisioning made, or would make (`dry_run`). `reference` is a path, a URL or a row id. */
export const Resource = z.strictObject({
  kind: z.enum(RESOURCE_KINDS),
  deliverable: z.string(),
  adapter: z.string(),
  reference: z.string(),
  summary: z.string(),
  created: z.boolean(),
});
export type Resource = z.infer<typeof Resource>;

/** Registry of each kind of lock file. */
export const REGISTRIES = { python: "pypi", node: "npm" } as const;

export function registriesOf(dependencies: { python?: string | undefined; node?: string | undefined }): string[] {
  return (["python", "node"] as const)
    .filter((kind) => dependencies[kind] !== undefined)
    .map((kind) => REGISTRIES[kind]);
}

export const ProvisioningResult = z.strictObject({ dry_run: z.boolean(), resources: z.array(Resource) });
export type ProvisioningResult = z.infer<typeof ProvisioningResult>;

/** `env:NAME`, `file:PATH` or `vault:PATH`; resolved at the last moment, inside the activity that needs it. */
export const SecretRef = z.string().regex(/^(env:[A-Z_][A-Z0-9_]{0,127}|file:\/.{1,500}|vault:.{1,500})$/);

export const ProvisioningInput = z.strictObject({
  deliverables: z.array(Id).min(1).max(1_000),
  region: Id,
  tenant: Id,
  secret_refs: z.record(Id, SecretRef).default({}),
  dry_run: z.boolean().default(false),
});
export type ProvisioningInput = z.infer<typeof ProvisioningInput>;

/**
 * The lock files of a capsule as its scaffold renders them, each with the manifest that the registry's client wants
 * beside it. Throws InputError `capsule_invalid` where the scaffold lacks one.
 */
export function lockFiles(
  { id, dependencies }: Pick<Capsule, "id" | "dependencies">,
  scaffold: readonly { path: string; content: string }[],
): { kind: "python" | "node"; files: { path: string; content: string }[] }[] {
  return (["python", "node"] as const).flatMap((kind) => {
    const lock = dependencies[kind];
    if (lock === undefined) return [];
    const manifest = kind === "node" ? [lock.replace(/[^/]+$/, "package.json")] : [];
    const files = [lock, ...manifest].map((path) => {
      const file = scaffold.find((candidate) => candidate.path === path);
      if (file !== undefined) return { path, content: file.content };
      throw new InputError(`The scaffold of capsule ${id} has no ${path}.`, { code: "capsule_invalid" });
    });
    return [{ kind, files }];
  });
}
