import type { KamachiqEvent } from "./events.ts";
import { code, count, score, section, source, text } from "./markdown.ts";
import { latestProjectScores, lastScore, readRunLog, type RunLog, spentInAll, type TaskLog } from "./run-log.ts";

/** Headings by type of task, in the order of the notes. */
const HEADINGS = {
  code: "Code",
  design: "Design",
  test: "Tests",
  docs: "Documentation",
  capsule: "Parts",
  review: "Reviews",
} as const;

/** Drafts the release notes from the merged tasks, the decisions and the score; needs no `complete.released` yet. Pure. */
export function draftReleaseNotes(events: readonly KamachiqEvent[]): string {
  const log = readRunLog(events);
  const released = log.released.at(-1);
  const merged = log.tasks.filter((task) => task.attempts.some((attempt) => attempt.merged !== null));
  const lines = [
    `# Release notes: ${text(log.accepted?.name ?? log.project)}${released === undefined ? "" : ` ${text(released.tag)}`}`,
    "",
    ...(log.accepted?.goals ?? []).map((goal) => `- ${text(goal)}${source([log.accepted?.sequence ?? 0])}`),
    "",
    ...Object.entries(HEADINGS).flatMap(([type, heading]) =>
      section(heading, merged.filter((task) => typeOf(task) === type).map(taskLine)),
    ),
    ...section("Quality", qualityLines(log)),
    ...section("Decisions", decisionLines(log)),
    ...section("Known gaps", gapLines(log)),
  ];
  return `${lines.join("\n").trimEnd()}\n`;
}

function typeOf(task: TaskLog): string | undefined {
  return task.end?.type ?? task.attempts.find((attempt) => attempt.started !== null)?.started?.type;
}

function taskLine(task: TaskLog): string {
  const merged = task.attempts.findLast((attempt) => attempt.merged !== null);
  const files = merged?.produced?.files ?? [];
  const shown = files.slice(0, 8).map(code).join(", ") + (files.length > 8 ? ` and ${files.length - 8} more` : "");
  const scored = lastScore(task);
  const grade = scored === null ? "" : `, score ${score(scored.score)}`;
  const tries = task.attempts.length > 1 ? `, ${task.attempts.length} attempts` : "";
  const events = [scored, merged?.merged].flatMap((fact) => fact?.sequence ?? []);
  return `- ${code(task.task_id)} in ${code(merged?.merged?.tip.slice(0, 12) ?? "")}${shown === "" ? "" : `: ${shown}`}${grade}${tries}${source(events)}`;
}

function qualityLines(log: RunLog): string[] {
  return latestProjectScores(log).map((scored) => {
    const counts = scored.checks.flatMap((check) =>
      Object.entries(check.counts).map(([name, value]) => `${text(check.check)} ${text(name)} ${value}`),
    );
    const passed = scored.checks.filter((check) => check.passed).length;
    const detail = counts.length === 0 ? "" : ` (${counts.slice(0, 20).join(", ")})`;
    const what = code(scored.deliverable_id ?? log.project);
    return `- ${what}: score ${score(scored.score)}, ${passed} of ${scored.checks.length} checks passed${detail}${source([scored.sequence])}`;
  });
}

function decisionLines(log: RunLog): string[] {
  const verdict = log.governed.at(-1);
  const people = log.reviews.flatMap(({ decided }) => {
    if (decided === null) return [];
    return [
      `- ${text(decided.actor)}: ${decided.decision}${decided.comment === "" ? "" : `, “${text(decided.comment)}”`}${source([decided.sequence])}`,
    ];
  });
  const overrides = log.blocks.flatMap(({ unblocked }) => {
    if (unblocked === null) return [];
    return [
      `- ${text(unblocked.actor)} let ${code(unblocked.deliverable_id)} through: ${text(unblocked.reason)}${source([unblocked.sequence])}`,
    ];
  });
  const spent = spentInAll(log);
  return [
    ...(verdict === undefined ? [] : [`- Governance: ${verdict.verdict}${source([verdict.sequence])}`]),
    ...people,
    ...overrides,
    ...(log.decisions.length === 0
      ? []
      : [`- ${log.decisions.length} policy decisions${source(log.decisions.map((fact) => fact.sequence))}`]),
    ...(spent === 0 || log.last === null ? [] : [`- ${count(spent)} tokens spent${source([log.last.sequence])}`]),
  ];
}

function gapLines(log: RunLog): string[] {
  const unfinished = log.tasks.flatMap(({ task_id, end }) => {
    if (end === null || end.state === "done") return [];
    return [`- The task ${code(task_id)} ended ${end.state}: ${text(end.reason ?? "")}${source([end.sequence])}`];
  });
  const failed = latestProjectScores(log).flatMap((scored) =>
    scored.checks
      .filter((check) => !check.passed)
      .map((check) => `- The check ${code(check.check)} did not pass${source([scored.sequence])}`),
  );
  const blocked = log.blocks.flatMap(({ blocked: { deliverable_id, reasons, sequence }, unblocked }) =>
    unblocked === null
      ? [`- ${code(deliverable_id)} is blocked: ${reasons.map(text).join("; ")}${source([sequence])}`]
      : [],
  );
  return [...unfinished, ...failed, ...blocked];
}
