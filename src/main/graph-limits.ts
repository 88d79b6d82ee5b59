import type { Config } from "../config/config.ts";
import type { GraphLimits } from "../domain/graph-limits.ts";

export function graphLimits({ limits }: Pick<Config, "limits">): GraphLimits {
  return { nodes_max: limits.graph_nodes, edges_max: limits.graph_edges };
}
