/**
 * `npm run bench:estimates`: the product learns from real runs of some specs, plans others, and these are then run: how
 * far were the estimates of their tasks from what the first attempts took? By runtime, for tokens and for seconds, beside
 * the prior's error on the same tasks. Seconds are also shown with each run's pace taken out: whatever else the machine
 * does meanwhile makes all tasks of a run slower, and no estimate can know it. `--short` takes one capsule, to test the
 * bench itself. Ends with one line of JSON.
 */
import { cpus, loadavg } from "node:os";
import type { PlanView } from "../src/api/views.ts";
import { type Taken, firstAttempts } from "../test/support/first-attempts.ts";
import { Kamachiq, parseRun } from "../test/support/kamachiq.ts";
import { type ErrorDistribution, type Pair, errorDistribution } from "./estimates-error.ts";
import { type BenchSpec, FULL, SHORT, specName, specText } from "./estimates-specs.ts";

const UNITS = ["tokens", "seconds"] as const;
type Unit = (typeof UNITS)[number];
type Estimates = Record<string, Record<Unit, Omit<Pair, "actual">>>;

/** A held-out spec's tasks: what was estimated before anything had run, then after the others had, and what came. */
interface Held {
  prior: Estimates;
  learnt: Estimates;
  taken: Map<string, Taken>;
}

class Product {
  private readonly kamachiq: Kamachiq;
  private files = 0;

  constructor(kamachiq: Kamachiq) {
    this.kamachiq = kamachiq;
  }

  async plan(spec: BenchSpec): Promise<Estimates> {
    const { plan } = await this.kamachiq.json<PlanView>(["plan", await this.file(spec)]);
    const nodes = Object.values(plan.graphs).flatMap((graph) => graph.nodes);
    return Object.fromEntries(
      nodes.map(({ id, estimate }) => {
        if (estimate === undefined) throw new Error(`${id} of ${specName(spec)} has no estimate`);
        return [id, estimate];
      }),
    );
  }

  async run(spec: BenchSpec): Promise<Map<string, Taken>> {
    const began = Date.now();
    const { code, stdout, stderr } = await this.kamachiq.run(["run", await this.file(spec), "--json"]);
    if (code !== 0) throw new Error(`${specName(spec)} ended with ${code}: ${stderr}`);
    const tasks = firstAttempts(parseRun(stdout).events);
    console.log(`  ${specName(spec).padEnd(56)} ${tasks.size} tasks, ${((Date.now() - began) / 1_000).toFixed(0)} s`);
    return tasks;
  }

  private async file(spec: BenchSpec): Promise<string> {
    this.files += 1;
    return this.kamachiq.file(`spec-${this.files}.yaml`, specText(spec));
  }
}

async function measure(product: Product, { fit, held_out }: typeof FULL): Promise<Held[]> {
  const priors: Estimates[] = [];
  for (const spec of held_out) priors.push(await product.plan(spec));
  console.log(`learning from ${fit.length} specs`);
  for (const spec of fit) await product.run(spec);
  const learnt: Estimates[] = [];
  for (const spec of held_out) learnt.push(await product.plan(spec));
  console.log(`testing on ${held_out.length} others`);
  const held: Held[] = [];
  for (const [at, spec] of held_out.entries()) {
    const one = { prior: priors[at] ?? {}, learnt: learnt[at] ?? {}, taken: await product.run(spec) };
    held.push(one);
    const sum = (values: readonly number[]): string => values.reduce((total, value) => total + value, 0).toFixed(1);
    const expected = Object.values(one.learnt).map(({ seconds }) => seconds.likely);
    const taken = [...one.taken.values()].map(({ seconds }) => seconds);
    console.log(`    its tasks one by one: ${sum(expected)} s expected, ${sum(taken)} s taken`);
  }
  return held;
}

function pairs(held: readonly Held[], from: "prior" | "learnt", unit: Unit, agent: string): Pair[] {
  return held.flatMap(({ taken, [from]: estimates }) =>
    [...taken]
      .filter(([, task]) => task.agent === agent)
      .map(([id, task]) => {
        const estimate = estimates[id];
        if (estimate === undefined) throw new Error(`${id} ran and was not planned`);
        return { ...estimate[unit], actual: task[unit] };
      }),
  );
}

/** Of whole specs: what their tasks took together. */
function sums(held: readonly Held[], unit: Unit, agent: string): Pair[] {
  return held.map((one) => {
    const all = pairs([one], "learnt", unit, agent);
    const sum = (pick: keyof Pair): number => all.reduce((total, pair) => total + pair[pick], 0);
    return { low: sum("low"), likely: sum("likely"), high: sum("high"), actual: sum("actual") };
  });
}

/** As if each run had been as fast as was expected: actual values over the median of actual ÷ likely of their run. */
function paced(held: readonly Held[], agent: string): Pair[] {
  return held.flatMap((one) => {
    const all = pairs([one], "learnt", "seconds", agent);
    const ratios = all.map(({ actual, likely }) => actual / likely).toSorted((a, b) => a - b);
    const pace = ratios[Math.floor(ratios.length / 2)] ?? 1;
    return all.map((pair) => ({ ...pair, actual: pair.actual / pace }));
  });
}

function show(name: string, { count, mean, p50, p90, largest, within }: ErrorDistribution): void {
  const shares = [mean, p50, p90, largest, within].map((share) => `${(share * 100).toFixed(1)} %`.padStart(9));
  console.log(`${name.padEnd(36)} ${String(count).padStart(6)} ${shares.join(" ")}`);
}

const set = process.argv.includes("--short") ? SHORT : FULL;
const kamachiq = await Kamachiq.create();
try {
  const held = await measure(new Product(kamachiq), set);
  const agents = [...new Set(held.flatMap(({ taken }) => [...taken.values()].map(({ agent }) => agent)))];
  const figures: Record<string, number> = { specs_fitted: set.fit.length, specs_held_out: set.held_out.length };
  const figure = (name: string, value: number): void => void (figures[name] = Number(value.toFixed(4)));
  console.log(
    `\nerror of the likely value on specs not used to fit; ${cpus().length} processors, load ${loadavg()[0]?.toFixed(1)}`,
  );
  console.log(`${"runtime".padEnd(36)}  count      mean       p50       p90   largest  in range`);
  for (const agent of agents) {
    for (const unit of UNITS) {
      const learnt = errorDistribution(pairs(held, "learnt", unit, agent));
      const whole = errorDistribution(sums(held, unit, agent));
      const prior = errorDistribution(pairs(held, "prior", unit, agent));
      show(`${agent}: ${unit} a task`, learnt);
      show(`${agent}: ${unit} a spec`, whole);
      show(`${agent}: ${unit} a task by the prior`, prior);
      // The figure that a target is set for is the template agent's; it has no runtime in its name.
      const name = agent === "template" ? "" : `${agent}_`;
      const key = unit === "tokens" ? name : `${name}${unit}_`;
      figure(`${key}mean_abs_error_share`, learnt.mean);
      figure(`${key}p50_abs_error_share`, learnt.p50);
      figure(`${key}p90_abs_error_share`, learnt.p90);
      figure(`${key}within_range_share`, learnt.within);
      figure(`${key}spec_mean_abs_error_share`, whole.mean);
      figure(`${key}prior_mean_abs_error_share`, prior.mean);
    }
    const shape = errorDistribution(paced(held, agent));
    show(`${agent}: seconds a task, paced`, shape);
    figure(`${agent === "template" ? "" : `${agent}_`}seconds_paced_mean_abs_error_share`, shape.mean);
  }
  figure(
    "tasks_held_out",
    held.reduce((sum, { taken }) => sum + taken.size, 0),
  );
  console.log(`Runtimes that did not run here have no figures, and nothing is claimed for them.`);
  console.log(JSON.stringify({ bench: "estimates", figures }));
} finally {
  await kamachiq.dispose();
}
