import type { Capsule } from "../domain/capsule.ts";
import type { GraphCatalogue } from "../domain/graph.ts";
import { PlannerHeuristics } from "../domain/heuristics.ts";
import type { RuleSet } from "../domain/policy.ts";
import type { CapsuleLibrary } from "../ports/capsule-library.ts";

/** What plans may refer to: the personas of capsules and planner, the tools that policy lists, the capsules. */
export async function readCatalogue(
  library: CapsuleLibrary,
  ruleSets: readonly RuleSet[],
): Promise<Required<Pick<GraphCatalogue, "personas" | "tools" | "capsules">>> {
  const capsules = await library.list();
  const planner = (await library.get("kamachiq_project_planner")).capsule;
  const { personas } = PlannerHeuristics.parse(planner.heuristics);
  const named = capsules.flatMap(({ persona, tasks }) => [persona, ...tasks.flatMap((task) => task.persona ?? [])]);
  return {
    personas: new Set([...Object.values(personas), ...named].toSorted()),
    tools: new Set(ruleSets.filter(({ id }) => id === "tools").flatMap(({ settings }) => toolsOf(settings))),
    capsules: new Map(capsules.map((capsule) => [capsule.id, partsOf(capsule, capsules)])),
  };
}

function toolsOf(settings: Record<string, unknown>): string[] {
  return [settings["local"], settings["network"]].flatMap((list) => (Array.isArray(list) ? (list as string[]) : []));
}

/** All that a capsule is composed of, however deep. */
function partsOf({ uses }: Capsule, capsules: readonly Capsule[]): Set<string> {
  const parts = new Set<string>();
  const open = uses.map(({ capsule }) => capsule);
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (parts.has(id)) continue;
    parts.add(id);
    const inner = capsules.find((capsule) => capsule.id === id);
    open.push(...(inner?.uses.map(({ capsule }) => capsule) ?? []));
  }
  return parts;
}
