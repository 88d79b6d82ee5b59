/** A graph by position: `upstream[i]` are the positions that node `i` depends on. */
export interface Indexed {
  upstream: number[][];
  downstream: number[][];
}

/** Positions by wave: a node is one wave after the latest of its dependencies. What a cycle holds back is in `held`. */
export function layer({ upstream, downstream }: Indexed): { waves: number[][]; held: number[] } {
  const missing = upstream.map((list) => list.length);
  const waves: number[][] = [];
  let wave = missing.flatMap((count, index) => (count === 0 ? [index] : []));
  while (wave.length > 0) {
    waves.push(wave);
    const next: number[] = [];
    for (const node of wave) {
      for (const dependent of downstream[node] ?? []) {
        const left = (missing[dependent] ?? 0) - 1;
        missing[dependent] = left;
        if (left === 0) next.push(dependent);
      }
    }
    wave = next.sort((a, b) => a - b);
  }
  return { waves, held: missing.flatMap((count, index) => (count > 0 ? [index] : [])) };
}

/** One cycle for each knot among the held nodes, each as the positions along it. Linear: no node is walked twice. */
export function findCycles({ upstream }: Indexed, held: readonly number[]): number[][] {
  const isHeld = new Set(held);
  const walkOf = new Map<number, number>();
  const cycles: number[][] = [];
  for (const start of held) {
    const walk: number[] = [];
    let node: number | undefined = start;
    while (node !== undefined && !walkOf.has(node)) {
      walkOf.set(node, start);
      walk.push(node);
      node = upstream[node]?.find((candidate) => isHeld.has(candidate));
    }
    if (node !== undefined && walkOf.get(node) === start && walk.includes(node))
      cycles.push(walk.slice(walk.indexOf(node)));
  }
  return cycles;
}

/** The chain of dependencies that takes longest, by the nodes' weights, and its length. */
export function criticalPath(
  { upstream }: Indexed,
  order: readonly number[],
  weight: readonly number[],
): { path: number[]; length: number } {
  const finish = new Map<number, number>();
  const before = new Map<number, number>();
  let last: number | undefined;
  for (const node of order) {
    let start = 0;
    for (const dependency of upstream[node] ?? []) {
      const end = finish.get(dependency) ?? 0;
      if (end > start || !before.has(node)) before.set(node, dependency);
      start = Math.max(start, end);
    }
    finish.set(node, start + (weight[node] ?? 0));
    if (last === undefined || (finish.get(node) ?? 0) > (finish.get(last) ?? 0)) last = node;
  }
  const path: number[] = [];
  for (let node = last; node !== undefined; node = before.get(node)) path.push(node);
  return { path: path.reverse(), length: last === undefined ? 0 : (finish.get(last) ?? 0) };
}

/** How many starts one sweep follows: the bits of a word. */
const BITS = 32;

/**
 * Which of the pairs `[from, to]` have a path from the first to the second; `from` comes first in the order.
 * 32 distinct starts share a sweep, and neighbours in the order share one, so that a sweep covers only the part of
 * the order between its first start and its last end. Memory is one word a node.
 */
export function reachable(
  { downstream }: Indexed,
  order: readonly number[],
  pairs: readonly (readonly [number, number])[],
): boolean[] {
  const rank = new Int32Array(downstream.length);
  for (const [position, node] of order.entries()) rank[node] = position;
  const rankOf = (node: number): number => rank[node] ?? 0;
  const questions = pairs.map(([from, to], index) => ({ from, to, index }));
  questions.sort((a, b) => rankOf(a.from) - rankOf(b.from));
  const answers = pairs.map(() => false);
  const marks = new Int32Array(downstream.length);
  for (let next = 0; next < questions.length;) {
    const bits = new Map<number, number>();
    const batch: typeof questions = [];
    for (let question = questions[next]; question !== undefined; question = questions[next]) {
      if (!bits.has(question.from) && bits.size === BITS) break;
      bits.set(question.from, bits.get(question.from) ?? bits.size);
      batch.push(question);
      next += 1;
    }
    const first = rankOf(batch[0]?.from ?? 0);
    const last = batch.reduce((latest, { to }) => Math.max(latest, rankOf(to)), first);
    for (let position = first; position <= last; position += 1) marks[order[position] ?? 0] = 0;
    for (const [node, bit] of bits) marks[node] = 1 << bit;
    for (let position = first; position <= last; position += 1) {
      const node = order[position] ?? 0;
      const mark = marks[node] ?? 0;
      if (mark === 0) continue;
      for (const dependent of downstream[node] ?? []) marks[dependent] = (marks[dependent] ?? 0) | mark;
    }
    for (const { from, to, index } of batch) answers[index] = ((marks[to] ?? 0) & (1 << (bits.get(from) ?? 0))) !== 0;
  }
  return answers;
}
