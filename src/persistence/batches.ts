/** Rows in parts of at most `size`, for statements whose parameters are bounded. */
export function* batches<T>(rows: readonly T[], size: number): Generator<T[]> {
  for (let from = 0; from < rows.length; from += size) yield rows.slice(from, from + size);
}
