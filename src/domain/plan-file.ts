import { z } from "zod";
import { ProjectSpec } from "./intake.ts";
import { Plan } from "./plan.ts";

/** What `kamachiq plan --out` writes and `kamachiq run --plan` carries out: the plan with the spec that it was made for. */
export const PlanFile = z.strictObject({
  $schema: z.string().max(500).optional(),
  kamachiq_plan: z.literal(1),
  spec: ProjectSpec,
  plan: Plan,
});
export type PlanFile = z.infer<typeof PlanFile>;
