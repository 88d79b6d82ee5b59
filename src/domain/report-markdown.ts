import type { CompletionReport } from "./completion-report.ts";
import type { GovernanceReport, Statement } from "./govern.ts";
import { code, count, duration, score, section, source, table, text } from "./markdown.ts";

/** The completion report for people. What events say is shown as text: none of it can become markup. */
export function renderCompletionMarkdown(report: CompletionReport): string {
  const { outcome, spend, timeline } = report;
  return document([
    `# Completion report: ${text(report.name || report.project)}`,
    "",
    `**${text(outcome.state)}**${outcome.reason === null ? "" : `: ${text(outcome.reason)}`}${source(outcome.event === null ? [] : [outcome.event])}`,
    "",
    ...report.goals.map((goal) => `- Goal: ${text(goal)}`),
    `- Score: ${score(outcome.score)}`,
    `- Tokens: ${count(spend.tokens)} of ${count(spend.budget_tokens)} (estimated ${count(spend.estimated_tokens)}), ${spend.usd.toFixed(2)} USD`,
    `- Time: ${duration(timeline.seconds)}, of it ${duration(timeline.review_seconds)} of checks (side by side where tasks ran so)`,
    `- Agent: ${code(report.agent)}, sandbox: ${code(report.sandbox)}, tenant ${code(report.tenant)}, region ${code(report.region)}`,
    ...(outcome.repository === null ? [] : [`- Repository: ${code(outcome.repository)}`]),
    ...releaseLine(report),
    ...(report.governance === null
      ? []
      : [`- Governance: ${report.governance.verdict}${source([report.governance.event])}`]),
    "",
    ...section(
      "Tasks",
      table(
        ["task", "type", "state", "score", "attempts", "tokens", "agent", "checks", "events"],
        report.tasks.map(taskRow),
      ),
    ),
    ...section(
      "Not done",
      report.tasks
        .filter((task) => task.reason !== null)
        .map((task) => `- ${code(task.task_id)}: ${text(task.reason ?? "")}${source(task.events.slice(-1))}`),
    ),
    ...section("Blocked by policy", report.blocked.map(blockedLine)),
    ...section(
      "Scores of the whole",
      table(["deliverable", "score", "approved", "metrics", "checks failed", "event"], report.scores.map(scoreRow)),
    ),
    ...section(
      "Reviews by people",
      table(["review", "about", "score", "answer", "by", "comment", "events"], report.reviews.map(reviewRow)),
    ),
    ...section("Spend", [
      ...spendTable("deliverable", report),
      ...spendTable("persona", report),
      ...spendTable("source", report),
    ]),
    ...section("Timeline", timelineLines(report)),
    ...section(
      "Provisioned",
      table(
        ["what", "deliverable", "by", "where", "event"],
        report.resources.map((one) => [
          code(one.kind),
          code(one.deliverable),
          code(one.adapter),
          code(one.reference),
          `${one.event}`,
        ]),
      ),
    ),
    ...section(
      "Artifacts",
      table(
        ["kind", "about", "SHA-256", "bytes", "event"],
        report.artifacts.map((one) => [
          code(one.kind),
          code(one.subject),
          code(one.ref.digest),
          count(one.ref.size),
          `${one.event}`,
        ]),
      ),
    ),
    `Derived from ${report.events} events; ${report.decisions.total} policy decisions, ${report.decisions.denied} of them denials.`,
  ]);
}

function releaseLine({ release }: CompletionReport): string[] {
  if (release === null) return [];
  const { tag, commit, decision_id, event } = release;
  return [`- Release: ${code(tag)} at ${code(commit)} by decision ${code(decision_id)}${source([event])}`];
}

function taskRow(task: CompletionReport["tasks"][number]): string[] {
  const {
    task_id,
    deliverable_id,
    type,
    state,
    attempts,
    tokens,
    agent_seconds,
    review_seconds,
    retest_seconds,
    events,
  } = task;
  const range = events.length === 0 ? "" : `${events[0]}–${events.at(-1)}`;
  const times = [duration(agent_seconds), duration(review_seconds + retest_seconds)];
  return [
    code(`${deliverable_id}/${task_id}`),
    text(type),
    state,
    score(task.score),
    `${attempts}`,
    count(tokens),
    ...times,
    range,
  ];
}

function blockedLine({
  deliverable_id,
  decision_id,
  reasons,
  resolved,
  event,
}: CompletionReport["blocked"][number]): string {
  const end =
    resolved === null
      ? "still blocked"
      : `let through by ${text(resolved.actor)}: ${text(resolved.reason)}${source([resolved.event])}`;
  return `- ${code(deliverable_id)} by decision ${code(decision_id)}: ${reasons.map(text).join("; ")}${source([event])}; ${end}`;
}

function scoreRow(one: CompletionReport["scores"][number]): string[] {
  const metrics = Object.entries(one.metrics).map(([name, value]) => `${text(name)} ${score(value)}`);
  const failed = one.checks.filter((check) => !check.passed).map((check) => code(check.check));
  return [
    code(one.deliverable_id ?? ""),
    score(one.score),
    one.approved ? "yes" : "no",
    metrics.join(", "),
    failed.join(", ") || "none",
    `${one.event}`,
  ];
}

function reviewRow(review: CompletionReport["reviews"][number]): string[] {
  const { review_id, subject, decision, actor, comment, events } = review;
  return [
    code(review_id),
    code(subject),
    score(review.score),
    decision,
    text(actor ?? ""),
    text(comment ?? ""),
    events.join(", "),
  ];
}

function spendTable(by: "deliverable" | "persona" | "source", { spend }: CompletionReport): string[] {
  return table(
    [by, "tokens", "USD"],
    spend[`by_${by}`].map((one) => [code(one.name), count(one.tokens), one.usd.toFixed(2)]),
  );
}

function timelineLines({ timeline }: CompletionReport): string[] {
  const stages = timeline.stages.map((one) => [one.stage, code(one.started_at), duration(one.seconds), `${one.event}`]);
  const resumed = timeline.resumed.map(
    (one) => `- Resumed by ${text(one.actor)} at ${code(one.time)}${source([one.event])}`,
  );
  return [...table(["stage", "started", "until the next", "event"], stages), ...resumed];
}

/** The governance report for people: each sentence with the events and decisions that it rests on. */
export function renderGovernanceMarkdown(report: GovernanceReport): string {
  const { cost, graph, outcomes } = report;
  return document([
    `# Governance report: ${text(report.name || report.project)}`,
    "",
    `**${report.verdict}** by ${code(report.capsule.id)} ${code(report.capsule.version)}; score of the whole ${score(report.score)}`,
    "",
    ...table(
      ["check", "outcome", "measured", "limit"],
      report.checks.map((one) => [code(one.check), one.outcome, figure(one.value), figure(one.limit)]),
    ),
    ...section(
      "What somebody has to do",
      report.escalations.map((one) => `${statement(one)} → ${one.to}`),
    ),
    ...report.checks.flatMap((one) =>
      section(text(one.check.replaceAll("_", " ")), [
        ...one.objections.map((objection) => statement(objection).replace(/^- /, "- **Not so:** ")),
        ...one.statements.map(statement),
      ]),
    ),
    ...section("Notes", report.notes.map(statement)),
    ...section("Figures", [
      `- Graph: ${graph.deliverables} deliverables, ${graph.tasks} tasks in ${graph.waves} waves of at most ${graph.widest_wave}`,
      `- Cost: ${count(cost.spent)} tokens spent, ${count(cost.estimated)} estimated, ${count(cost.budget)} budgeted`,
      `- Outcomes: ${Object.entries(outcomes)
        .map(([name, value]) => `${value} ${name}`)
        .join(", ")}`,
    ]),
    ...section(
      "Decisions",
      table(
        ["decision", "action", "about", "allowed", "score", "violated", "event"],
        report.decisions.map(decisionRow),
      ),
    ),
    ...section(
      "Approvals by people",
      report.approvals.map(
        (one) => `- ${text(one.actor)}: ${text(one.decision)} for ${code(one.subject)}${source([one.event])}`,
      ),
    ),
    `Rules in force: ${report.constitution_hashes.map(code).join(", ") || "none"}. Derived from ${report.events.count} events.`,
  ]);
}

function statement({ text: sentence, events, decisions }: Statement): string {
  const shown = decisions.length > 6 ? [...decisions.slice(0, 5), "…"] : decisions;
  const basis = shown.length === 0 ? "" : ` [${shown.map((id) => (id === "…" ? id : code(id))).join(", ")}]`;
  return `- ${text(sentence)}${source(events)}${basis}`;
}

function decisionRow(one: GovernanceReport["decisions"][number]): string[] {
  const allowed = one.overridden ? "by a person" : one.allowed ? "yes" : "no";
  return [
    code(one.decision_id),
    code(one.action),
    code(one.subject_id),
    allowed,
    score(one.score),
    one.violations.map(code).join(", "),
    `${one.event}`,
  ];
}

function figure(value: number | null): string {
  return value === null ? "–" : `${Math.round(value * 1_000) / 1_000}`;
}

function document(lines: readonly string[]): string {
  return `${lines.join("\n").trimEnd()}\n`;
}
