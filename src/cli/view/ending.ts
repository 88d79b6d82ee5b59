import type { ProjectView } from "../../api/views.ts";
import { printable } from "../../platform/text.ts";
import type { Paint } from "./frame.ts";
import { count, duration, plural, score } from "./text.ts";

const WAITING_SHOWN_MAX = 10;

/** What a person reads when the watch is over: how it stands, where things are, and what to type next. */
export function endingText(project: ProjectView, now: number, paint: Paint): string {
  const { result } = project;
  const rows: [string, string | null | undefined][] = [
    ["reason", project.waiting_for.length > 0 ? null : (result?.reason ?? project.reason)], // else said below
    ...deliveredRows(project),
    ["reports", result?.reports_folder],
    ["workflow", project.temporal_url],
  ];
  const lines = [
    "",
    headline(project, now, paint),
    ...rows.flatMap(([name, value]) =>
      value == null || value === "" ? [] : [`  ${name.padEnd(11)} ${printable(value)}`],
    ),
    ...waitingLines(project),
  ];
  return `${lines.join("\n")}\n`;
}

/** Where each deliverable is, and a line to try it. */
function deliveredRows({ repository, result }: ProjectView): [string, string | null | undefined][] {
  const several = result?.deliverables ?? [];
  if (several.length < 2)
    return [
      ["repository", repository],
      ["tag", result?.tag],
      ["try it", result?.try_command],
    ];
  return several.flatMap(({ id, repository: where, tag, try_command }): [string, string | null][] => [
    ["repository", where === null ? null : `${where}${tag === null ? "" : `  ${tag}`}`],
    ["try it", try_command ?? (where === null ? `${id} was not made` : null)],
  ]);
}

function headline(project: ProjectView, now: number, paint: Paint): string {
  const { result, budget, tasks } = project;
  const end = project.finished_at === null ? now : Date.parse(project.finished_at);
  const good = project.state === "delivered" || project.state === "running";
  const parts = [
    paint(good ? "green" : project.finished_at === null ? "yellow" : "red", project.state),
    paint("bold", project.id),
    ...(result?.quality_score == null ? [] : [`score ${score(result.quality_score)}`]),
    `${count(tasks.by_state.done ?? 0)} of ${plural(tasks.total, "task")}`,
    `${count(result?.metrics.tokens ?? budget.spent)} tokens`,
    duration(end - Date.parse(project.created_at)),
  ];
  return parts.join("  ");
}

/** The exact commands that move the project on. */
function waitingLines({ id, state, waiting_for }: ProjectView): string[] {
  const lines = waiting_for.slice(0, WAITING_SHOWN_MAX).flatMap((waiting): string[] => {
    if (waiting.kind === "plan") {
      const { revision, digest } = waiting;
      return [
        "",
        `  the plan, revision ${revision}, waits for approval:`,
        `    kamachiq plans show ${id}`,
        `    kamachiq plans approve ${id} --digest ${digest.slice(0, 12)}`,
        `    kamachiq plans reject ${id} --digest ${digest.slice(0, 12)} --comment "why not"`,
        `    kamachiq plans revise ${id} --plan FILE`,
      ];
    }
    if (waiting.kind === "review") {
      const { review_id, scope, task_id, deliverable_id } = waiting;
      const what = scope === "task" ? `task ${task_id}` : `deliverable ${deliverable_id}`;
      return [
        "",
        `  ${what} waits for your review, score ${score(waiting.score)}:`,
        `    kamachiq review show ${review_id}`,
        `    kamachiq review approve ${review_id}`,
        `    kamachiq review reject ${review_id} --comment "what to change"`,
      ];
    }
    const { requeue_id, deliverable_id, reasons, violations } = waiting;
    return [
      "",
      `  deliverable ${deliverable_id} is blocked by policy:`,
      ...(violations.length === 0 ? reasons.map((reason) => `    ${printable(reason)}`) : []),
      ...violations.flatMap(({ rule, reason, remedy }) => [
        `    ${rule}: ${printable(reason)}`,
        `      → ${printable(remedy)}`,
      ]),
      `    kamachiq requeue resolve ${requeue_id}                          (asks policy again)`,
      `    kamachiq requeue resolve ${requeue_id} --allow --reason "why"   (lets it through, recorded)`,
    ];
  });
  const more = waiting_for.length - WAITING_SHOWN_MAX;
  if (more > 0) lines.push("", `  and ${count(more)} more: kamachiq review list, kamachiq requeue list`);
  if (state === "paused") lines.push("", `  It is paused. kamachiq resume ${id}`);
  return lines;
}
