import { Heap } from "./heap.ts";

/** What the schedule needs to know of a node; tasks and deliverables both have it. */
export interface ScheduleNode {
  id: string;
  dependencies: readonly string[];
  /** Estimated run time in seconds, 0 or more. */
  weight: number;
  /** Whether it is asked, once all that it depends on has ended, if it runs at all. */
  conditional?: boolean;
}

/** How a started node ended. `skipped`: its condition did not hold. */
export type Outcome = "done" | "failed" | "skipped";

/** A node that will not run, because of one before it. */
export interface Cut {
  id: string;
  outcome: "failed" | "skipped";
}

/** One letter a node, in their order. */
const WAITING = "w";
const READY = "r";
const STARTED = "s";
const DONE = "d";
const FAILED = "f";
const SKIPPED = "k";
/** It can't run, for one before it failed. */
const CUT = "x";
const LETTERS: Record<Outcome, string> = { done: DONE, failed: FAILED, skipped: SKIPPED };

/**
 * Which node to start next: of those whose dependencies have ended, the one with the longest remaining path. A node
 * without a condition runs when all before it ran; one with a condition is asked even where some were skipped. Pure and
 * deterministic: ties go to the node named first. Expects a valid graph (known dependencies, no cycles).
 */
export class Schedule {
  private readonly ids: readonly string[];
  private readonly positions: ReadonlyMap<string, number>;
  private readonly upstream: readonly number[][];
  private readonly dependents: readonly number[][];
  private readonly conditional: readonly boolean[];
  private readonly missing: number[];
  private readonly states: string[];
  private ranks: number[];
  private readonly ready: Heap;
  private open: number;

  /** `snapshot`: of a schedule of the same nodes; its started nodes are started here too. */
  constructor(nodes: readonly ScheduleNode[], snapshot?: string) {
    this.ids = nodes.map(({ id }) => id);
    this.positions = new Map(this.ids.map((id, position) => [id, position]));
    this.upstream = nodes.map(({ dependencies }) => dependencies.map((id) => this.positions.get(id) as number));
    this.dependents = nodes.map(() => []);
    for (const [position, above] of this.upstream.entries()) {
      for (const dependency of above) this.dependents[dependency]?.push(position);
    }
    this.conditional = nodes.map((node) => node.conditional === true);
    this.states = snapshot === undefined ? nodes.map(() => WAITING) : snapshot.split("");
    this.missing = this.upstream.map((above) => above.filter((dependency) => !this.hasPassed(dependency)).length);
    this.ranks = this.remainingPaths(nodes.map(({ weight }) => weight));
    this.ready = new Heap((a, b) => this.before(a, b));
    this.open = this.states.filter((state) => state === WAITING || state === READY || state === STARTED).length;
    for (const [position, state] of this.states.entries()) {
      if (state === READY || (state === WAITING && this.missing[position] === 0)) this.makeReady(position);
    }
  }

  /** Whether every node has ended. */
  get done(): boolean {
    return this.open === 0;
  }

  /** How many nodes could start now. */
  get readyCount(): number {
    return this.ready.size;
  }

  /** Nodes that were started and have not ended. */
  get started(): string[] {
    return this.ids.filter((_, position) => this.states[position] === STARTED);
  }

  /** All that another schedule of the same nodes needs to go on from here: one character a node. */
  get snapshot(): string {
    return this.states.join("");
  }

  /** Takes the next node to start, or undefined when none is ready. */
  next(): string | undefined {
    const position = this.ready.pop();
    if (position === undefined) return undefined;
    this.states[position] = STARTED;
    return this.ids[position];
  }

  /** Records the end of a started node. Returns all that will not run because of it, in the nodes' order. */
  complete(id: string, outcome: Outcome): Cut[] {
    const position = this.positions.get(id) as number;
    const cuts: number[] = [];
    this.end(position, LETTERS[outcome], cuts);
    return cuts
      .sort((a, b) => a - b)
      .map((cut) => ({ id: this.ids[cut] as string, outcome: this.states[cut] === CUT ? "failed" : "skipped" }));
  }

  /** Takes other weights, one a node, for what has not started yet. */
  reweigh(weights: readonly number[]): void {
    this.ranks = this.remainingPaths(weights);
    this.ready.reorder();
  }

  /** Ends a node and, without recursion, those that fall with it. */
  private end(first: number, letter: string, cuts: number[]): void {
    const stack: [number, string][] = [[first, letter]];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      const [position, state] = top;
      this.states[position] = state;
      this.open -= 1;
      for (const dependent of this.dependents[position] ?? []) {
        if (this.states[dependent] !== WAITING) continue;
        const left = (this.missing[dependent] ?? 0) - 1;
        this.missing[dependent] = left;
        const fate = this.fateOf(dependent, state);
        if (fate !== null) {
          this.states[dependent] = fate; // seen: no other dependency pushes it again
          cuts.push(dependent);
          stack.push([dependent, fate]);
        } else if (left === 0) {
          this.makeReady(dependent);
        }
      }
    }
  }

  /** What becomes of a node when one that it depends on ended like this; null: it may still run. */
  private fateOf(position: number, ended: string): string | null {
    if (ended === FAILED || ended === CUT) return CUT;
    return ended === SKIPPED && this.conditional[position] !== true ? SKIPPED : null;
  }

  private makeReady(position: number): void {
    this.states[position] = READY;
    this.ready.push(position);
  }

  private hasPassed(position: number): boolean {
    return this.states[position] === DONE || this.states[position] === SKIPPED;
  }

  /** Of every node its own weight and the heaviest path after it: Kahn's algorithm from the end, linear in nodes and edges. */
  private remainingPaths(weights: readonly number[]): number[] {
    const ranks = weights.map(() => 0);
    const pending = this.dependents.map((below) => below.length);
    const stack = [...pending.keys()].filter((position) => pending[position] === 0);
    for (let position = stack.pop(); position !== undefined; position = stack.pop()) {
      let after = 0;
      for (const below of this.dependents[position] ?? []) after = Math.max(after, ranks[below] ?? 0);
      ranks[position] = (weights[position] ?? 0) + after;
      for (const above of this.upstream[position] ?? []) {
        const left = (pending[above] ?? 0) - 1;
        pending[above] = left;
        if (left === 0) stack.push(above);
      }
    }
    return ranks;
  }

  /** Whether `a` starts before `b`. */
  private before(a: number, b: number): boolean {
    const difference = (this.ranks[a] ?? 0) - (this.ranks[b] ?? 0);
    return difference === 0 ? a < b : difference > 0;
  }
}
