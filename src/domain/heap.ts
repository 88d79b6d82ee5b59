/** A binary heap of numbers: the one that comes before all others is taken first. */
export class Heap {
  private readonly before: (a: number, b: number) => boolean;
  private readonly values: number[] = [];

  constructor(before: (a: number, b: number) => boolean) {
    this.before = before;
  }

  get size(): number {
    return this.values.length;
  }

  push(value: number): void {
    this.values.push(value);
    this.rise(this.values.length - 1);
  }

  pop(): number | undefined {
    const [first] = this.values;
    const last = this.values.pop();
    if (this.values.length > 0 && last !== undefined) {
      this.values[0] = last;
      this.sink(0);
    }
    return first;
  }

  /** To be called when `before` says something else than it did. */
  reorder(): void {
    for (let index = (this.values.length >> 1) - 1; index >= 0; index--) this.sink(index);
  }

  private rise(from: number): void {
    for (let index = from; index > 0;) {
      const parent = (index - 1) >> 1;
      if (!this.precedes(index, parent)) return;
      this.swap(index, parent);
      index = parent;
    }
  }

  private sink(from: number): void {
    for (let index = from; ;) {
      const left = 2 * index + 1;
      let first = index;
      if (left < this.values.length && this.precedes(left, first)) first = left;
      if (left + 1 < this.values.length && this.precedes(left + 1, first)) first = left + 1;
      if (first === index) return;
      this.swap(index, first);
      index = first;
    }
  }

  private precedes(a: number, b: number): boolean {
    return this.before(this.values[a] as number, this.values[b] as number);
  }

  private swap(a: number, b: number): void {
    [this.values[a], this.values[b]] = [this.values[b] as number, this.values[a] as number];
  }
}
