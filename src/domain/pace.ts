/** Measured tasks of a kind before its estimates are corrected. */
const SAMPLES_MIN = 3;
/** How many tasks of their estimated length the estimate itself counts for. */
const PRIOR = 2;
/** A change of a kind's pace by less than this is not worth a new order. */
const CHANGE_MIN = 0.2;

/** How long tasks really take, by kind, beside what was estimated: what has been measured in a run corrects the rest of it. */
export class Pace {
  private readonly kinds: readonly number[];
  private readonly seconds: readonly number[];
  private readonly measured = new Map<number, { samples: number; estimated: number; actual: number }>();
  private readonly applied = new Map<number, number>();

  /** By position: a number for the kind of each task, and its estimated seconds. */
  constructor(kinds: readonly number[], seconds: readonly number[]) {
    this.kinds = kinds;
    this.seconds = seconds;
  }

  /** Takes a measurement. Whether `weights` changed by it. */
  record(position: number, actual_seconds: number): boolean {
    const kind = this.kinds[position] ?? 0;
    const sum = this.measured.get(kind) ?? { samples: 0, estimated: 0, actual: 0 };
    sum.samples += 1;
    sum.estimated += this.seconds[position] ?? 0;
    sum.actual += actual_seconds;
    this.measured.set(kind, sum);
    if (sum.samples < SAMPLES_MIN || sum.estimated === 0) return false;
    const mean = sum.estimated / sum.samples;
    const ratio = (sum.actual + PRIOR * mean) / (sum.estimated + PRIOR * mean);
    const before = this.applied.get(kind) ?? 1;
    if (Math.abs(ratio / before - 1) < CHANGE_MIN) return false;
    this.applied.set(kind, ratio);
    return true;
  }

  /** Seconds of every task, by position. */
  get weights(): number[] {
    return this.seconds.map((value, position) => value * (this.applied.get(this.kinds[position] ?? 0) ?? 1));
  }
}
