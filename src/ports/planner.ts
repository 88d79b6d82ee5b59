import type { VisibleSpec } from "../domain/intake.ts";
import type { Plan } from "../domain/plan.ts";

/** Turns a spec into deliverables and task graphs. Fails with InputError when it can't, never with a plan that pretends. */
export interface Planner {
  readonly name: string;
  plan(spec: VisibleSpec, signal?: AbortSignal): Promise<Plan>;
}
