import type { CapsuleLibrary, CapsuleRepository } from "../ports/capsule-library.ts";
import type { Planner } from "../ports/planner.ts";

/** A planner that sees, for each spec, the capsules that its tenant has at that moment, and no others. */
export function createTenantPlanner(
  capsules: CapsuleRepository,
  create: (library: CapsuleLibrary) => Planner | Promise<Planner>,
): Planner {
  return {
    name: "tenant",
    plan: async (spec, signal) => (await create(capsules.of(spec.tenant))).plan(spec, signal),
  };
}
