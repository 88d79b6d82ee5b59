import type { ReviewDetail, ReviewView } from "../../api/views.ts";
import { printable } from "../../platform/text.ts";
import { EXIT } from "../exit-code.ts";
import type { Session } from "../session.ts";
import { cell, score } from "../view/text.ts";

const path = (id: string): string => `/v1/reviews/${encodeURIComponent(id)}`;

/** `review list`: what waits for a person. */
export async function listReviews(session: Session): Promise<number> {
  const client = await session.connect();
  const { items } = await client.get<{ items: ReviewView[] }>("/v1/reviews", { limit: 1_000 });
  session.print({ reviews: items }, () => {
    if (items.length === 0) return "Nothing waits for a review.\n";
    const rows = items.map((review) => {
      const subject = review.task_id ?? `${review.deliverable_id} as a whole`;
      return `${cell(review.id, 40)} ${cell(review.project_id, 24)} ${cell(subject, 24)} score ${score(review.score)}`;
    });
    return `${rows.join("\n")}\n`;
  });
  return EXIT.delivered;
}

/** `review show`: the evidence behind one review. */
export async function showReview(session: Session, id: string): Promise<number> {
  const client = await session.connect();
  const review = await client.get<ReviewDetail>(path(id));
  session.print(review, () => reviewText(review));
  return EXIT.delivered;
}

function reviewText({ report, ...review }: ReviewDetail): string {
  const metrics = Object.entries(report.metrics).map(
    ([name, value]) => `${name} ${value === null ? "–" : score(value)}`,
  );
  const unproven = report.criteria.filter((criterion) => !criterion.proven);
  const lines = [
    `${review.id}  ${review.state}  project ${review.project_id}`,
    `subject   ${report.subject}, commit ${review.commit ?? "none"}`,
    `score     ${score(report.score)} of at least ${score(report.threshold)}: ${metrics.join(", ")}`,
    ...(report.vetoes.length === 0 ? [] : [`vetoes    ${report.vetoes.join(", ")}`]),
    `reviewer  ${report.reviewer}, sandbox ${report.sandbox}`,
    `          ${report.reasoning}`,
    ...(unproven.length === 0 ? [] : ["", "not proven:"]),
    ...unproven.map((criterion) => `  ${criterion.id}: ${criterion.text}`),
    "",
    "evidence:",
    ...report.evidence.map(
      (check) =>
        `  ${check.passed ? "passed" : "FAILED"}  ${cell(check.check, 24)} ${score(check.value)}  ${check.command}`,
    ),
    ...report.findings.flatMap((finding) => ["", `${finding.check}:`, indent(finding.message)]),
    ...(review.state === "open"
      ? ["", `kamachiq review approve ${review.id}`, `kamachiq review reject ${review.id} --comment "what to change"`]
      : ["", `${review.state} by ${review.decided_by ?? "nobody"}: ${review.comment ?? ""}`]),
  ];
  return `${printable(lines.join("\n"))}\n`;
}

function indent(text: string): string {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => `  ${line}`)
    .join("\n");
}

/** `review approve` and `review reject`: bound to the commit that the review is about. */
export async function decideReview(
  session: Session,
  id: string,
  decision: "approve" | "reject",
  options: { comment?: string },
): Promise<number> {
  const client = await session.connect();
  const { commit } = await client.get<ReviewDetail>(path(id));
  const answer = await client.post<{ id: string; decision: string; actor: string }>(`${path(id)}/decision`, {
    decision,
    comment: options.comment ?? "",
    ...(commit === null ? {} : { commit }),
  });
  session.print(answer, () => `${answer.id} is ${answer.decision} by ${answer.actor}.\n`);
  return EXIT.delivered;
}
