/** How far estimates were from what happened. */

/** One estimate beside what it was made for. */
export interface Pair {
  low: number;
  likely: number;
  high: number;
  actual: number;
}

/** Distances of the likely value as shares of the actual one, 0.2 being 20 %. */
export interface ErrorDistribution {
  count: number;
  mean: number;
  p50: number;
  p90: number;
  largest: number;
  /** Share of the actual values that lay between low and high, which eight in ten should. */
  within: number;
}

/** Throws where there is nothing to compare, or nothing was used, for a share of nothing says nothing. */
export function errorDistribution(pairs: readonly Pair[]): ErrorDistribution {
  const errors = pairs.map(({ likely, actual }) => Math.abs(likely - actual) / actual).toSorted((a, b) => a - b);
  if (errors.length === 0 || !errors.every(Number.isFinite)) throw new Error("nothing to compare the estimates with");
  const at = (share: number): number => errors[Math.ceil(share * errors.length) - 1] as number;
  return {
    count: errors.length,
    mean: errors.reduce((sum, error) => sum + error, 0) / errors.length,
    p50: at(0.5),
    p90: at(0.9),
    largest: at(1),
    within: pairs.filter(({ low, high, actual }) => low <= actual && actual <= high).length / pairs.length,
  };
}
