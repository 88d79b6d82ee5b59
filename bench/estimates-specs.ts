/** Specs whose tasks are measured to learn from, and others, with other parameters, whose estimates are held against what they took. */
import { readFileSync } from "node:fs";
import { parse } from "yaml";

/** An example of the library, and what its parameters become; without the held-out checks, which need them as they were. */
export interface BenchSpec {
  example: string;
  /** Parameters that replace the example's. */
  set?: Record<string, unknown>;
  /** Lists of which only so many entries are kept, from the first. */
  keep?: Record<string, number>;
}

export interface BenchSet {
  fit: readonly BenchSpec[];
  held_out: readonly BenchSpec[];
}

const EXAMPLES = new URL("../examples/", import.meta.url);

/** By capsule: one example to learn from; another one, partly in a further form, to test on. */
export const FULL: BenchSet = {
  fit: [
    { example: "simple_cli" },
    { example: "inventory_library" },
    { example: "todo_api", keep: { resources: 1 } },
    { example: "catalog_library", keep: { records: 2 } },
    { example: "product_docs" },
  ],
  held_out: [
    { example: "science_cli" },
    { example: "finance_cli", set: { operations: ["median", "negate"], json_output: false } },
    { example: "timesheet_library" },
    { example: "inventory_library", keep: { records: 1 }, set: { package: "suppliers", csv: false } },
    { example: "library_api", keep: { resources: 2 } },
    { example: "telemetry_library" },
    { example: "api_handbook" },
  ],
};

/** For a test of the bench itself: one capsule, in about a minute. */
export const SHORT: BenchSet = {
  fit: [{ example: "simple_cli", set: { operations: ["add", "multiply"] } }],
  held_out: [{ example: "finance_cli", set: { operations: ["subtract", "percent", "median"] } }],
};

/** The spec as JSON, which every YAML reader takes too. */
export function specText({ example, set = {}, keep = {} }: BenchSpec): string {
  const { acceptance: _, ...spec } = parse(readFileSync(new URL(`${example}.yaml`, EXAMPLES), "utf8")) as {
    acceptance: unknown;
    parameters: Record<string, unknown>;
  };
  const kept = Object.entries(keep).map(([name, count]) => [
    name,
    (spec.parameters[name] as unknown[]).slice(0, count),
  ]);
  return JSON.stringify({ ...spec, parameters: { ...spec.parameters, ...Object.fromEntries(kept), ...set } });
}

/** What a person calls it: the example, and what of it was changed. */
export function specName({ example, set = {}, keep = {} }: BenchSpec): string {
  const changed = [...Object.keys(keep), ...Object.keys(set)];
  return changed.length === 0 ? example : `${example} (${changed.join(", ")} changed)`;
}
