import type { PlanView } from "../../api/views.ts";
import type { TaskGraph } from "../../domain/plan.ts";
import { printable } from "../../platform/text.ts";
import { estimateLines, taskRange } from "./estimate.ts";
import { count, line, plural, score } from "./text.ts";

/** The plan for a person: why this capsule, the waves of tasks, what policy says, what would be made. */
export function planText(
  { plan, digest, reports, decisions, resources, estimate }: PlanView,
  options: { dryRun: boolean; kept?: string | undefined },
): string {
  const lines: string[] = [`${plural(plan.deliverables.length, "deliverable")}, planned by ${plan.planner}`];
  lines.push(...planningLines(plan));
  for (const reason of plan.match) lines.push(`  ${reason}`);
  for (const deliverable of plan.deliverables) {
    const graph = plan.graphs[deliverable.id];
    const report = reports[deliverable.id];
    if (graph === undefined || report === undefined) continue;
    const capsule =
      deliverable.capsule === undefined ? "" : ` (${deliverable.capsule} ${deliverable.capsule_version ?? ""})`;
    lines.push(
      "",
      `${deliverable.id}${capsule}`,
      ...placeLines(deliverable, plan),
      `  ${plural(graph.nodes.length, "task")} in ${plural(report.waves.length, "wave")}, at most ${report.widest_wave} at once; ` +
        `the longest way is ${report.critical_path.join(" → ")}`,
      ...estimateLines(estimate.deliverables[deliverable.id], deliverable.budget_tokens),
    );
    lines.push(...taskLines(graph, report.waves));
  }
  if (plan.deliverables.length > 1)
    lines.push(
      "",
      "in total",
      ...estimateLines(estimate.total, sum(plan.deliverables.map((one) => one.budget_tokens))),
    );
  lines.push(...requirementLines(plan), "", ...decisions.flatMap(decisionLines));
  if (options.dryRun) {
    const made = resources.map(({ deliverable_id, kind }) => `${kind} of ${deliverable_id}`);
    lines.push("", `would make: ${made.join(", ")}`, "Nothing was made: this was a dry run.");
  }
  lines.push("", `digest ${digest}`);
  if (options.kept !== undefined) lines.push(`kamachiq run --plan ${options.kept}   carries out exactly this`);
  return `${printable(lines.join("\n"))}\n`;
}

function taskLines({ nodes }: TaskGraph, waves: readonly (readonly string[])[]): string[] {
  const tasks = new Map(nodes.map((node) => [node.id, { ...node, range: taskRange(node) }]));
  const width = Math.max(...[...tasks.values()].map(({ range }) => range.length));
  return waves.flatMap((wave, index) =>
    wave.flatMap((id) => {
      const task = tasks.get(id);
      if (task === undefined) return [];
      const { type, persona, range, dependencies } = task;
      const after = dependencies.length === 0 ? "" : `  after ${dependencies.join(", ")}`;
      const columns = [index + 1, ` ${id.padEnd(16)}`, type.padEnd(7), persona.padEnd(20), range.padEnd(width)];
      return [`  ${columns.join(" ")}${after}`.trimEnd()];
    }),
  );
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Title, milestone, workstream and the lines of the attachments that it answers. */
function placeLines(
  { title, milestone, workstream, sources }: PlanView["plan"]["deliverables"][number],
  plan: PlanView["plan"],
): string[] {
  const due = plan.milestones.find(({ id }) => id === milestone)?.due;
  const place = [
    ...(milestone === undefined ? [] : [`milestone ${milestone}${due === undefined ? "" : ` (${due})`}`]),
    ...(workstream === undefined ? [] : [`workstream ${workstream}`]),
  ];
  const cited = sources.map(
    ({ attachment, line: from, end_line: to }) => `${attachment}:${from === to ? from : `${from}-${to}`}`,
  );
  return [
    ...(title === undefined ? [] : [`  ${title}`]),
    ...(place.length === 0 ? [] : [`  ${place.join(", ")}`]),
    ...(cited.length === 0 ? [] : [`  from ${line(cited.join(", "), 140)}`]),
  ];
}

/** What a model took to make the plan, and what it found no capsule for. */
function planningLines({ planning }: PlanView["plan"]): string[] {
  if (planning === undefined) return [];
  const { model, rounds, usage, reserve_tokens, uncovered, summary } = planning;
  const tokens = count(usage.input_tokens + usage.output_tokens);
  return [
    `  ${model}, ${plural(rounds, "round")}, ${tokens} of ${count(reserve_tokens)} tokens for planning (${usage.source})`,
    ...(summary === undefined ? [] : [summaryLine(summary)]),
    ...uncovered.map(({ source, reason }) => `  not planned  ${line(source, 60)}: ${line(reason, 100)}`),
  ];
}

/** By whom long attachments were put in short. */
function summaryLine({ usage, parts }: NonNullable<NonNullable<PlanView["plan"]["planning"]>["summary"]>): string {
  const by = [...Map.groupBy(parts, ({ method }) => method)].map(
    ([method, { length }]) => `${method} (${plural(length, "part")})`,
  );
  const reason = parts.find((part) => part.reason !== undefined)?.reason;
  const why = reason === undefined ? "" : `; not all by the model: ${line(reason, 100)}`;
  return `  attachments in short by ${by.join(", ")}, ${count(usage.input_tokens + usage.output_tokens)} of these tokens${why}`;
}

const UNCOVERED_SHOWN_MAX = 40;

/** What the attachments ask for and no deliverable answers, with its place. */
function requirementLines({ requirements }: PlanView["plan"]): string[] {
  if (requirements.length === 0) return [];
  const open = requirements.filter(({ covered_by }) => covered_by.length === 0);
  const covered = requirements.length - open.length;
  const lines = ["", `${count(covered)} of ${plural(requirements.length, "requirement")} covered`];
  for (const { attachment, line: at, text } of open.slice(0, UNCOVERED_SHOWN_MAX))
    lines.push(`  not covered  ${attachment}:${at}  ${line(text, 100)}`);
  if (open.length > UNCOVERED_SHOWN_MAX)
    lines.push(`  and ${count(open.length - UNCOVERED_SHOWN_MAX)} more (--json has all)`);
  return lines;
}

function decisionLines({
  deliverable_id,
  allowed,
  score: value,
  threshold,
  violations,
}: PlanView["decisions"][number]) {
  const verdict = allowed ? "allowed" : "BLOCKED";
  return [
    `policy: ${deliverable_id} ${verdict}, score ${score(value)} (at least ${score(threshold)})`,
    ...violations.flatMap(({ rule, reason, remedy }) => [`  ${rule}: ${reason}`, `    → ${remedy}`]),
  ];
}
