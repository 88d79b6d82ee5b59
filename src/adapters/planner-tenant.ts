import type { CapsuleLibrary, CapsuleRepository } from "../ports/capsule-library.ts";
import type { Planner } from "../ports/planner.ts";

/** A planner that sees, for each spec, the capsules of its tenant and no others. */
export function createTenantPlanner(
  capsules: CapsuleRepository,
  create: (library: CapsuleLibrary) => Planner,
): Planner {
  return {
    name: create(capsules).name,
    plan: (spec, ...rest) => create(capsules.of(spec.tenant)).plan(spec, ...rest),
  };
}
