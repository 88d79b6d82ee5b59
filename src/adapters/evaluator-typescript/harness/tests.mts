// Runs the tree's tests once, with coverage when `--coverage` is given. Each test file is a process of its own, whose
// output never reaches this one's standard output, where the marked result is the last line.
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { relative, resolve } from "node:path";
import { run } from "node:test";
import { readInput, writeResult } from "./input.mts";
import { codeLines, loadParser } from "./syntax.mts";

const FILE_MS_MAX = 60_000;
const PROCESSES_MAX = 2;
const RANGES_MAX = 50;

interface Outcome {
  name: string;
  file?: string | undefined;
  skip?: string | boolean | undefined;
  todo?: string | boolean | undefined;
  details: { type?: string | undefined; error?: Error & { failureType?: string; cause?: unknown } };
}

interface Covered {
  path: string;
  lines: { line: number; count: number }[];
}

const root = process.cwd();
const input = await readInput();
const withCoverage = process.argv.includes("--coverage");
const began = performance.now();
const counts = { tests: 0, failures: 0, errors: 0, skipped: 0 };
const problems: string[] = [];
let covered: Covered[] = [];

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** A file that ends well but reports no test of its own is a test by its path. */
function isFile({ name, file }: Outcome): boolean {
  return name === file;
}

function onPass(outcome: Outcome): void {
  if (isFile(outcome)) problems.push(`${relative(root, outcome.name)} has no test, or ends before its tests do.`);
  else if (outcome.details.type !== "suite") {
    counts.tests += 1;
    if (outcome.skip !== undefined || outcome.todo !== undefined) counts.skipped += 1;
  }
}

function onFail(outcome: Outcome): void {
  const { details, name, file = "", todo } = outcome;
  const whole = isFile(outcome) || details.type === "suite";
  if (whole && details.error?.failureType === "subtestsFailed") return;
  if (!whole) counts.tests += 1;
  if (todo !== undefined) counts.skipped += 1;
  else if (whole) counts.errors += 1;
  else counts.failures += 1;
  const { cause } = details.error ?? {};
  say(`✖ ${relative(root, file)} > ${name}\n${(cause instanceof Error ? cause.stack : undefined) ?? String(cause)}\n`);
}

/** Share of the lines with code, in modules that no test loads too. */
async function coverage(): Promise<{ lines: number; executed: number; missing: string[] }> {
  const parse = await loadParser(input.parser);
  const reached = new Map(covered.map(({ path, lines }) => [relative(root, path), lines]));
  const total = { lines: 0, executed: 0, missing: [] as string[] };
  for (const path of input.program) {
    const code = codeLines(parse, path, await readFile(path, "utf8"));
    const executed = (reached.get(path) ?? []).filter(({ line, count }) => count > 0 && code.has(line));
    const lost = [...code].filter((line) => !executed.some((one) => one.line === line)).toSorted((a, b) => a - b);
    total.lines += code.size;
    total.executed += executed.length;
    if (lost.length > 0) total.missing.push(`${path}: ${lost.slice(0, RANGES_MAX).join(", ")}`);
  }
  return { ...total, missing: total.missing.slice(0, RANGES_MAX) };
}

const stream = run({
  files: input.tests.map((path) => resolve(path)),
  concurrency: Math.min(PROCESSES_MAX, availableParallelism()),
  timeout: FILE_MS_MAX,
  ...(withCoverage ? { coverage: true, coverageIncludeGlobs: ["**"] } : {}),
});
stream.on("test:pass", (outcome) => onPass(outcome as unknown as Outcome));
stream.on("test:fail", (outcome) => onFail(outcome as unknown as Outcome));
stream.on("test:stderr", ({ message }) => process.stderr.write(message));
stream.on("test:coverage", ({ summary }) => {
  covered = summary.files as Covered[];
});
stream.on("end", () => {
  for (const problem of problems) say(problem);
  const exit_code = counts.failures + counts.errors + problems.length > 0 ? 1 : 0;
  const result = { exit_code, duration_ms: performance.now() - began, ...counts, problems };
  void (withCoverage ? coverage() : Promise.resolve(undefined)).then((found) =>
    writeResult(input, found === undefined ? result : { ...result, coverage: found }),
  );
});
stream.resume();
