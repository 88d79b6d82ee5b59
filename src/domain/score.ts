import type { SuccessCriterion } from "./plan.ts";
import { type CheckResult, type Finding, type Metric, type QualityReport, RUBRIC } from "./review.ts";

export interface Scoring {
  subject: string;
  commit: string | null;
  /** Above it the work is approved; at it it is not. */
  threshold: number;
  criteria: readonly SuccessCriterion[];
  checks: readonly CheckResult[];
  /** Share of each metric; the rubric's where absent. */
  weights?: Record<Metric, number>;
  reviewer: string;
  sandbox: string;
}

const METRICS = Object.keys(RUBRIC) as Metric[];
const FINDING_CHARACTERS_MAX = 8_000;
/** So that a sum of decimals neither passes nor misses a threshold by a rounding error. */
const DECIMALS = 6;

/**
 * The quality report of one tree, from checks that ran and nothing else. Pure; the order of checks changes no number.
 * A metric that no check measures is null and its weight goes to the others, but without correctness nothing is approved.
 */
export function scoreReport(scoring: Scoring): QualityReport {
  const { subject, commit, threshold, checks, reviewer, sandbox } = scoring;
  const criteria = scoring.criteria.map((criterion) => proof(criterion, checks));
  const metrics: Record<Metric, number | null> = {
    completeness: mean(criteria.map(({ proven }) => (proven ? 1 : 0))),
    correctness: meanOf("correctness", checks),
    style: meanOf("style", checks),
    documentation: meanOf("documentation", checks),
  };
  const weights = renormalised(scoring.weights ?? RUBRIC, metrics);
  const score = rounded(METRICS.reduce((sum, metric) => sum + weights[metric] * (metrics[metric] ?? 0), 0));
  const vetoes = checks.filter((check) => check.veto && !check.passed).map(({ check }) => check);
  if (metrics.correctness === null) vetoes.push("no correctness evidence");
  const numbers = { score, threshold, metrics, weights, vetoes, criteria };
  return {
    subject,
    commit,
    score,
    threshold,
    metrics,
    weights,
    vetoes,
    criteria,
    reviewer,
    sandbox,
    approved: score > threshold && vetoes.length === 0,
    evidence: [...checks],
    findings: [...checks.filter(({ passed }) => !passed).map(findingOf), ...unproven(criteria)],
    reasoning: reasoningOf(numbers),
  };
}

/** A criterion is proven when checks name it and all of them passed: one that failed contradicts the others. */
function proof(
  { id, text, check }: SuccessCriterion,
  checks: readonly CheckResult[],
): QualityReport["criteria"][number] {
  const naming = checks.filter((result) => result.check === check || result.proves.includes(id));
  const proven = naming.length > 0 && naming.every(({ passed }) => passed);
  return { id, text, proven, by: proven ? naming.map((result) => result.check) : [] };
}

function meanOf(metric: CheckResult["metric"], checks: readonly CheckResult[]): number | null {
  return mean(checks.filter((check) => check.metric === metric).map(valueOf));
}

/** A check that counts something keeps its share when it fails; one that only passes or fails counts nothing then. */
function valueOf({ passed, value }: CheckResult): number {
  return passed || value < 1 ? value : 0;
}

function mean(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sum = values.toSorted((a, b) => a - b).reduce((total, value) => total + value, 0);
  return rounded(sum / values.length);
}

function rounded(value: number): number {
  return Math.min(1, Math.max(0, Number(value.toFixed(DECIMALS))));
}

function renormalised(weights: Record<Metric, number>, metrics: Record<Metric, number | null>): Record<Metric, number> {
  const measured = METRICS.filter((metric) => metrics[metric] !== null);
  const total = measured.reduce((sum, metric) => sum + weights[metric], 0);
  const share = (metric: Metric): number => (metrics[metric] === null || total === 0 ? 0 : weights[metric] / total);
  return {
    completeness: share("completeness"),
    correctness: share("correctness"),
    style: share("style"),
    documentation: share("documentation"),
  };
}

function findingOf(result: CheckResult): Finding {
  const { check, text } = result;
  if (result.held_out) return { check, message: `An acceptance criterion is not met: ${text ?? check}` };
  const ended = result.exit_code === null ? "did not end by itself" : `exit code ${result.exit_code}`;
  const message = [...(text === undefined ? [] : [text]), `$ ${result.command} (${ended})`, result.excerpt].join("\n");
  return { check, message: message.slice(0, FINDING_CHARACTERS_MAX) };
}

function unproven(criteria: QualityReport["criteria"]): Finding[] {
  return criteria
    .filter(({ proven }) => !proven)
    .map(({ id, text }) => ({ check: `criterion ${id}`, message: `Not proven by any check that passed: ${text}` }));
}

type Numbers = Pick<QualityReport, "score" | "threshold" | "vetoes" | "criteria"> & {
  metrics: Record<Metric, number | null>;
  weights: Record<Metric, number>;
};

function reasoningOf({ score, threshold, metrics, weights, vetoes, criteria }: Numbers): string {
  const parts = METRICS.map((metric) => {
    const value = metrics[metric];
    return value === null ? `${metric} not measured` : `${metric} ${short(value)} × ${short(weights[metric])}`;
  });
  const proven = criteria.filter((criterion) => criterion.proven).length;
  const verdict =
    vetoes.length > 0
      ? `Not approved: vetoed by ${vetoes.join(", ")}.`
      : score > threshold
        ? `Approved: above the threshold of ${short(threshold)}.`
        : `Not approved: not above the threshold of ${short(threshold)}.`;
  return `Score ${short(score)} = ${parts.join(" + ")}; ${proven} of ${criteria.length} criteria proven. ${verdict}`;
}

function short(value: number): string {
  return String(Number(value.toFixed(3)));
}
