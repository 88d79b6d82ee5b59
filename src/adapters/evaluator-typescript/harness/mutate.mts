// Negative control: do the tests notice when the program is broken? Every mutant is a fresh copy of the tree with one
// change, in which the tests run until the first fails. Among the mutants are controls, programs with a comment more:
// tests that fail on one are telling the harness from the program, and prove nothing. Prints the marked result.
import { type ChildProcess, spawn } from "node:child_process";
import { cp, mkdtemp, readFile, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type MutationInput, readInput, writeResult } from "./input.mts";
import { isProgram, mutated, type Site, sites } from "./mutations.mts";
import { loadParser, type Parse } from "./syntax.mts";

const MUTANT_MS_MIN = 2_000;
const CLEAN_FACTOR = 5;
const CLEAN_MS_MAX = 60_000;
const HEAP_MB = 512;
const CONTROLS = 2;
const LEFT_OUT = new Set(["node_modules", ".git", "dist", "coverage"]);
const RUNNER = fileURLToPath(
  new URL(`mutant${import.meta.url.slice(import.meta.url.lastIndexOf("."))}`, import.meta.url),
);

interface Mutant {
  path: string;
  site: Site;
  text: string;
  control: boolean;
}

type Outcome = number | "timeout";
type Isolation = "none" | "process";

/** Numbers from 0 to 1 that the seed decides (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, rank: random() }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ item }) => item);
}

/** A seeded sample: changed files first, then one change a line before a second one on the same line. */
async function draw(input: MutationInput, parse: Parse): Promise<Mutant[]> {
  const random = randomOf(input.seed);
  const changed = new Set(input.changed);
  const ranked: { mutant: Mutant; rank: [number, number, number] }[] = [];
  for (const path of input.program) {
    const text = await readFile(path, "utf8");
    const seen = new Map<number, number>();
    for (const site of shuffled(sites(parse, path, text), random)) {
      const nth = (seen.get(site.line) ?? 0) + 1;
      seen.set(site.line, nth);
      const rank: [number, number, number] = [changed.has(path) ? 0 : 1, nth, random()];
      ranked.push({ mutant: { path, site, text, control: false }, rank });
    }
  }
  ranked.sort(({ rank: a }, { rank: b }) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
  const drawn: Mutant[] = [];
  for (const { mutant } of ranked) {
    if (drawn.length >= input.mutants_max) break;
    if (isProgram(parse, mutant.path, textOf(mutant))) drawn.push(mutant);
  }
  return drawn;
}

/** A control is as different from the program's text as a mutant is, and no different in what it does. */
function textOf({ site, text, control }: Mutant): string {
  return control ? mutated(text, { start: text.length, end: text.length, replacement: "// \n" }) : mutated(text, site);
}

async function layOut(lane: string, mutant: Mutant | null): Promise<void> {
  await rm(lane, { recursive: true, force: true });
  await cp(".", lane, {
    recursive: true,
    verbatimSymlinks: true,
    filter: (source) => !LEFT_OUT.has(source),
  });
  const modules = await readlink("node_modules").catch(() => null);
  if (modules !== null) await symlink(modules, join(lane, "node_modules"));
  if (mutant !== null) await writeFile(join(lane, mutant.path), textOf(mutant));
}

/** Runs the tests in a lane; whatever they start is killed with them. */
async function verdict(lane: string, isolation: Isolation, tests: readonly string[], limit: number): Promise<Outcome> {
  const flags = [`--max-old-space-size=${HEAP_MB}`, "--no-warnings"];
  const files = tests.map((path) => join(lane, path));
  const child = spawn(process.execPath, [...flags, RUNNER, isolation, ...files], {
    cwd: lane,
    // What did not change is neither stripped of its types nor compiled again: half of the time.
    env: { ...process.env, NODE_COMPILE_CACHE: `${lane}-cache` },
    detached: true,
    stdio: "ignore",
  });
  const timer = setTimeout(() => killGroup(child), limit);
  const code = await new Promise<Outcome>((done, fail) => {
    child.on("error", fail);
    child.on("exit", (exit, signal) => done(exit ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
  clearTimeout(timer);
  killGroup(child);
  // Killed is what a failing test says. A crash of the interpreter counts too; a limit or a kill from outside does not.
  return code === 128 + constants.signals.SIGKILL || code === 128 + constants.signals.SIGXCPU ? "timeout" : code;
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // all of it has ended
  }
}

/** The unchanged program, run as a mutant is: once to find a way that works, once for the time. */
async function runClean(
  lane: string,
  tests: readonly string[],
): Promise<{ isolation: Isolation; ms: number } | Outcome> {
  let outcome: Outcome = 1;
  for (const isolation of ["none", "process"] as const) {
    for (const last of [false, true]) {
      await layOut(lane, null);
      const began = performance.now();
      outcome = await verdict(lane, isolation, tests, CLEAN_MS_MAX);
      if (outcome !== 0) break;
      if (last) return { isolation, ms: performance.now() - began };
    }
  }
  return outcome;
}

async function examine(input: MutationInput): Promise<object> {
  const end = performance.now() + input.wall_ms;
  const mutants = await draw(input, await loadParser(input.parser));
  if (mutants.length === 0) return { error: "There is nothing to mutate." };
  const folder = await mkdtemp(join(tmpdir(), "lanes-"));
  const clean = await runClean(join(folder, "0"), input.tests);
  if (typeof clean !== "object") return { error: `The tests don't pass on the unchanged program (node: ${clean}).` };

  const controls = Array.from({ length: CONTROLS }, (_, index): Mutant => {
    const model = mutants[Math.floor((mutants.length * index) / CONTROLS)] as Mutant;
    return { ...model, control: true };
  });
  const waiting = shuffled([...mutants, ...controls], randomOf(input.seed));
  const limit = Math.max(MUTANT_MS_MIN, CLEAN_FACTOR * clean.ms);
  const outcomes: { mutant: Mutant; outcome: Outcome }[] = [];
  const work = async (lane: string): Promise<void> => {
    while (performance.now() < end) {
      const mutant = waiting.shift();
      if (mutant === undefined) return;
      await layOut(lane, mutant);
      outcomes.push({ mutant, outcome: await verdict(lane, clean.isolation, input.tests, limit) });
    }
  };
  await Promise.all(Array.from({ length: input.workers }, (_, index) => work(join(folder, String(index)))));
  return { drawn: mutants.length, ...summary(outcomes) };
}

function summary(outcomes: readonly { mutant: Mutant; outcome: Outcome }[]): object {
  const real = outcomes.filter(({ mutant }) => !mutant.control);
  const of = (wanted: (outcome: Outcome) => boolean): string[] =>
    real
      .filter(({ outcome }) => wanted(outcome))
      .map(({ mutant: { path, site } }) => `${path}:${site.line}: ${site.change}`)
      .toSorted();
  const survivors = of((outcome) => outcome === 0);
  const timeouts = of((outcome) => outcome === "timeout");
  return {
    mutants: real.length,
    killed: real.length - survivors.length - timeouts.length,
    survived: survivors.length,
    inconclusive: timeouts.length,
    controls_failed: outcomes.filter(({ mutant, outcome }) => mutant.control && outcome !== 0).length,
    survivors: survivors.slice(0, 50),
    timeouts: timeouts.slice(0, 50),
  };
}

const input = await readInput<MutationInput>();
writeResult(input, await examine(input));
