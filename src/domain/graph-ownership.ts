import { type Indexed, reachable } from "./graph-order.ts";
import { claimRoot, claimsOverlap } from "./paths.ts";

/** Pairs of claims that are compared at most; beyond it claims are too broad to be told apart in time. */
const COMPARISONS_MAX = 200_000;

interface Claim {
  node: number;
  claim: string;
  root: string;
  exact: boolean;
}

export interface Overlap {
  a: number;
  b: number;
  claims: [string, string];
}

/**
 * Pairs of nodes that may run at once and claim the same files. Compared only where claims have a common path:
 * nodes that name the very same file must form a chain, so neighbours in the order suffice; a folder or wildcard is
 * compared with the claims below its root. Null: more comparisons than allowed.
 */
export function findOverlaps(
  graph: Indexed,
  order: readonly number[],
  paths: readonly (readonly string[])[],
): Overlap[] | null {
  const rank = new Map(order.map((node, position) => [node, position]));
  const claims = paths.flatMap((list, node) => list.map((claim): Claim => ({ node, claim, ...claimRoot(claim) })));
  claims.sort((a, b) => compare(a.root, b.root) || (rank.get(a.node) ?? 0) - (rank.get(b.node) ?? 0));
  const candidates = [...sameFile(claims)];
  const nested = below(claims, COMPARISONS_MAX);
  if (nested === null) return null;
  candidates.push(...nested);

  const unique = new Map<string, Overlap>();
  for (const [left, right] of candidates) {
    const [first, second] = (rank.get(left.node) ?? 0) <= (rank.get(right.node) ?? 0) ? [left, right] : [right, left];
    if (first.node === second.node) continue;
    const key = `${first.node},${second.node}`;
    if (!unique.has(key)) unique.set(key, { a: first.node, b: second.node, claims: [first.claim, second.claim] });
  }
  const open = [...unique.values()].filter(({ a, b }) => !(graph.upstream[b] ?? []).includes(a));
  const ordered = reachable(
    graph,
    order,
    open.map(({ a, b }) => [a, b]),
  );
  return open.filter((_, index) => ordered[index] === false);
}

/** Neighbours, in the order, among the claims of one and the same file. */
function* sameFile(claims: readonly Claim[]): Generator<[Claim, Claim]> {
  let previous: Claim | undefined;
  for (const claim of claims) {
    if (!claim.exact) continue;
    if (previous?.root === claim.root) yield [previous, claim];
    previous = claim;
  }
}

/** Each claim and what it overlaps below its root, and for a wildcard also at its root. */
function below(claims: readonly Claim[], max: number): [Claim, Claim][] | null {
  const pairs: [Claim, Claim][] = [];
  let compared = 0;
  const scan = (wide: Claim, from: string, inside: (root: string) => boolean): boolean => {
    for (let index = lowerBound(claims, from); index < claims.length; index += 1) {
      const other = claims[index] as Claim;
      if (!inside(other.root)) break;
      compared += 1;
      if (compared > max) return false;
      if (other !== wide && claimsOverlap(wide.claim, other.claim)) pairs.push([wide, other]);
    }
    return true;
  };
  for (const wide of claims) {
    const folder = wide.root === "" ? "" : `${wide.root}/`;
    if (!scan(wide, folder, (root) => root.startsWith(folder))) return null;
    if (!wide.exact && folder !== "" && !scan(wide, wide.root, (root) => root === wide.root)) return null;
  }
  return pairs;
}

function lowerBound(claims: readonly Claim[], root: string): number {
  let low = 0;
  let high = claims.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compare((claims[middle] as Claim).root, root) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
