import type { Offline } from "../cli/deps.ts";
import { graphLimits } from "./graph-limits.ts";

/** The product's own files, for commands that need no server. Each call loads what it needs, so that `--help` loads nothing. */
export const offline: Offline = {
  async catalogue(home) {
    const [
      { resolveConfig },
      { readCatalogue },
      { loadCapsuleLibrary },
      { createPolicyFiles },
      { CAPSULES, POLICIES },
    ] = await Promise.all([
      import("../config/config.ts"),
      import("../adapters/catalogue.ts"),
      import("../adapters/capsule-library.ts"),
      import("../adapters/policy-files.ts"),
      import("./paths.ts"),
    ]);
    const [library, policies] = await Promise.all([loadCapsuleLibrary(CAPSULES), createPolicyFiles(POLICIES)]);
    return {
      ...(await readCatalogue(library, policies.engine.rule_sets)),
      limits: graphLimits(resolveConfig({ home })),
    };
  },
  async heuristics() {
    const [{ loadCapsuleLibrary }, { PlannerHeuristics }, { CAPSULES }] = await Promise.all([
      import("../adapters/capsule-library.ts"),
      import("../domain/heuristics.ts"),
      import("./paths.ts"),
    ]);
    const { capsule } = await (await loadCapsuleLibrary(CAPSULES)).get("kamachiq_project_planner");
    return PlannerHeuristics.parse(capsule.heuristics);
  },
  async capsules() {
    return (await import("./capsule-tools.ts")).capsuleTools;
  },
};
