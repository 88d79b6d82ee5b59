/** What one graph may hold. */
export interface GraphLimits {
  /** Tasks. */
  nodes_max: number;
  /** Dependencies. */
  edges_max: number;
}

/** Where nothing else is configured. */
export const GRAPH_LIMITS: GraphLimits = { nodes_max: 10_000, edges_max: 100_000 };

/** What may be configured at most; documents that hold more are not read. */
export const GRAPH_CAPS: GraphLimits = { nodes_max: 100_000, edges_max: 1_000_000 };
