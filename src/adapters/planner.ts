import { InputError } from "../domain/errors.ts";
import type { Planner } from "../ports/planner.ts";

/**
 * Capsules plan where they cover the goals, which costs nothing and gives the same plan each time; a model plans what
 * they do not cover, where one is configured, or what the spec says that it shall (`planner: model`).
 * Throws InputError `model_missing` when the spec asks for a model and none is configured.
 */
export function createPlanner(capsules: Planner, model: Planner | undefined): Planner {
  return {
    name: model === undefined ? capsules.name : `${capsules.name}, ${model.name}`,
    async plan(spec, signal) {
      if (spec.planner === "model") {
        if (model !== undefined) return model.plan(spec, signal);
        throw new InputError("The spec says `planner: model`, and no model is configured.", {
          code: "model_missing",
          remedy: "Name one in KAMACHIQ_MODEL (docs/configuration.md), or leave `planner` out.",
        });
      }
      try {
        return await capsules.plan(spec, signal);
      } catch (error) {
        const uncovered = error instanceof InputError && error.code === "no_capsule";
        if (!uncovered || model === undefined || spec.planner === "capsule") throw error;
        return model.plan(spec, signal);
      }
    },
  };
}
