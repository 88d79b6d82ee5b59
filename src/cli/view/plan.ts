import type { PlanView } from "../../api/views.ts";
import { printable } from "../../platform/text.ts";
import { count, line, plural, score } from "./text.ts";

/** The plan for a person: why this capsule, the waves of tasks, what policy says, what would be made. */
export function planText(
  { plan, digest, reports, decisions, resources }: PlanView,
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
        `about ${count(report.critical_path_seconds)} s along ${report.critical_path.join(" → ")}`,
      `  about ${count(plan.estimated_tokens)} of ${count(deliverable.budget_tokens)} tokens`,
    );
    const tasks = new Map(graph.nodes.map((node) => [node.id, node]));
    for (const [index, wave] of report.waves.entries()) {
      for (const id of wave) {
        const task = tasks.get(id);
        if (task === undefined) continue;
        const after = task.dependencies.length === 0 ? "" : `  after ${task.dependencies.join(", ")}`;
        lines.push(`  ${index + 1}  ${id.padEnd(16)} ${task.type.padEnd(7)} ${task.persona.padEnd(20)}${after}`);
      }
    }
  }
  lines.push(...requirementLines(plan), "", ...decisions.flatMap(decisionLines));
  if (options.dryRun) {
    const made = resources.map(({ deliverable_id, kind }) => `${kind} of ${deliverable_id}`);
    lines.push("", `would make: ${made.join(", ")}`, "Nothing was made: this was a dry run.");
  }
  lines.push("", `digest ${digest}`);
  if (options.kept !== undefined) lines.push(`kamachiq run --plan ${options.kept}   carries out exactly this`);
  return `${printable(lines.join("\n"))}\n`;
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
