/** What the schedule needs to know of a node; tasks and deliverables both have it. */
export interface ScheduleNode {
  id: string;
  dependencies: readonly string[];
  /** Estimated run time in seconds, 0 or more. */
  weight: number;
}

/**
 * Which node to start next: of those whose dependencies are done, the one with the longest remaining path.
 * Pure and deterministic: ties go to the node named first. Expects a valid graph (known dependencies, no cycles).
 */
export class Schedule {
  private readonly rank = new Map<string, number>();
  private readonly dependents = new Map<string, string[]>();
  private readonly missing = new Map<string, number>();
  /** Ascending by rank, so that the next one is popped from the end. */
  private readonly ready: string[] = [];
  private readonly position = new Map<string, number>();
  private open: number;

  constructor(nodes: readonly ScheduleNode[]) {
    this.open = nodes.length;
    for (const [index, node] of nodes.entries()) {
      this.position.set(node.id, index);
      this.missing.set(node.id, node.dependencies.length);
      for (const dependency of node.dependencies) {
        const list = this.dependents.get(dependency);
        if (list === undefined) this.dependents.set(dependency, [node.id]);
        else list.push(node.id);
      }
    }
    this.rankByRemainingPath(nodes);
    for (const node of nodes) if (node.dependencies.length === 0) this.insert(node.id);
  }

  /** Whether every node has completed or was skipped. */
  get done(): boolean {
    return this.open === 0;
  }

  /** How many nodes could start now. */
  get readyCount(): number {
    return this.ready.length;
  }

  /** Takes the next node to start, or undefined when none is ready. */
  next(): string | undefined {
    return this.ready.pop();
  }

  /** Records the end of a started node. After a failure returns the ids of all that can't run any more. */
  complete(id: string, succeeded: boolean): string[] {
    this.open -= 1;
    if (!succeeded) return this.skipDependents(id);
    for (const dependent of this.dependents.get(id) ?? []) {
      const missing = this.missing.get(dependent);
      if (missing === undefined) continue; // skipped: another of its dependencies failed
      this.missing.set(dependent, missing - 1);
      if (missing === 1) this.insert(dependent);
    }
    return [];
  }

  private skipDependents(id: string): string[] {
    const skipped: string[] = [];
    const stack = [...(this.dependents.get(id) ?? [])];
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      if (!this.missing.has(next)) continue;
      this.missing.delete(next); // seen: a later completion elsewhere can't make it ready
      this.open -= 1;
      skipped.push(next);
      stack.push(...(this.dependents.get(next) ?? []));
    }
    return skipped.sort((a, b) => this.order(a) - this.order(b));
  }

  /** Reverse topological order by Kahn's algorithm on the dependents: linear in nodes and edges. */
  private rankByRemainingPath(nodes: readonly ScheduleNode[]): void {
    const byId = new Map(nodes.map((node) => [node.id, node]));
    const pending = new Map(nodes.map((node) => [node.id, this.dependents.get(node.id)?.length ?? 0]));
    const stack = nodes.filter((node) => pending.get(node.id) === 0);
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      const after = Math.max(0, ...(this.dependents.get(node.id) ?? []).map((id) => this.rank.get(id) ?? 0));
      this.rank.set(node.id, node.weight + after);
      for (const dependency of node.dependencies) {
        const left = (pending.get(dependency) ?? 0) - 1;
        pending.set(dependency, left);
        const above = byId.get(dependency);
        if (left === 0 && above !== undefined) stack.push(above);
      }
    }
  }

  private insert(id: string): void {
    let low = 0;
    let high = this.ready.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.before(this.ready[middle] as string, id)) low = middle + 1;
      else high = middle;
    }
    this.ready.splice(low, 0, id);
  }

  /** Whether `a` starts later than `b`. */
  private before(a: string, b: string): boolean {
    const difference = (this.rank.get(a) ?? 0) - (this.rank.get(b) ?? 0);
    return difference === 0 ? this.order(a) > this.order(b) : difference < 0;
  }

  private order(id: string): number {
    return this.position.get(id) ?? 0;
  }
}
