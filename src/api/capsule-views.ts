import { z } from "@hono/zod-openapi";
import { Capsule } from "../domain/capsule.ts";
import { PlannerOutput } from "../domain/plan.ts";
import { documented } from "./validation.ts";

export const CapsuleView = z
  .object({
    id: z.string(),
    version: z.string(),
    digest: z.string(),
    type: z.enum(["planner", "governance", "delivery"]),
    stack: z.string().nullable(),
    summary: z.string(),
    /** `product`: it comes with the product; `published`: somebody published it. */
    origin: z.enum(["product", "published"]),
    published_by: z.string().nullable(),
    published_at: z.string().nullable(),
    /** Whether the tenant's plans are made with this version. */
    in_force: z.boolean(),
  })
  .openapi("CapsuleVersion");
export type CapsuleView = z.infer<typeof CapsuleView>;

export const CapsuleDetail = CapsuleView.extend({
  capsule: documented("Capsule", Capsule),
  /** Paths of its templates. */
  templates: z.array(z.string()),
  /** Published versions, the newest first. */
  versions: z.array(z.object({ version: z.string(), digest: z.string() })),
}).openapi("CapsuleDetail");
export type CapsuleDetail = z.infer<typeof CapsuleDetail>;

export const InstallationView = z
  .object({
    id: z.string(),
    tenant: z.string(),
    capsule: z.string(),
    version: z.string(),
    digest: z.string(),
    /** From 1, by tenant and capsule; the highest is in force. */
    sequence: z.int(),
    in_force: z.boolean(),
    /** The sequence that a rollback went back to. */
    restores: z.int().nullable(),
    installed_by: z.string(),
    installed_at: z.string(),
  })
  .openapi("Installation");
export type InstallationView = z.infer<typeof InstallationView>;

export const TemplateView = z
  .object({
    id: z.string(),
    tenant: z.string(),
    name: z.string(),
    digest: z.string(),
    planner_output: documented("TemplateOutput", PlannerOutput),
    imported_by: z.string(),
    imported_at: z.string(),
  })
  .openapi("Template");
export type TemplateView = z.infer<typeof TemplateView>;
