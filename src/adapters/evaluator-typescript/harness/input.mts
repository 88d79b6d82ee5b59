// What the reviewer hands to a script of the harness, on standard input: arguments could be read by the tests.
import { text } from "node:stream/consumers";

export interface Input {
  /** Precedes the result on standard output; new for each run. */
  marker: string;
  /** Path of the parser's module. */
  parser: string;
  /** Modules of the program and its tests, relative to the tree. */
  program: string[];
  tests: string[];
}

export interface MutationInput extends Input {
  mutants_max: number;
  seed: number;
  wall_ms: number;
  workers: number;
  /** Files that changed; mutants are drawn from them first. */
  changed: string[];
}

export async function readInput<T extends Input = Input>(): Promise<T> {
  return JSON.parse(await text(process.stdin)) as T;
}

/** Writes the marked result as the last thing on standard output. */
export function writeResult({ marker }: Input, result: object): void {
  process.stdout.write(`\n${marker}${JSON.stringify(result)}\n`);
}
