import { printable } from "../../platform/text.ts";
import type { GraphValidation } from "../commands/graph.ts";
import { count, plural } from "./text.ts";

const PATH_SHOWN_MAX = 20;

/** A valid graph for a person: its size, its shape and what it is estimated to take. */
export function graphText({ kind, reports }: GraphValidation): string {
  const noun = kind === "planner_output" ? "deliverable" : "task";
  const lines = Object.entries(reports).flatMap(([name, report]) => {
    const { order, waves, widest_wave, critical_path, estimated_tokens } = report;
    const seconds = "critical_path_seconds" in report ? `, about ${count(report.critical_path_seconds)} s` : "";
    const added = "added" in report ? report.added : [];
    return [
      `${name}: valid, ${plural(order.length, noun)} in ${plural(waves.length, "wave")}, at most ${count(widest_wave)} at once`,
      `  critical path${seconds}: ${shortened(critical_path)}`,
      `  about ${count(estimated_tokens)} tokens`,
      ...added.map(({ task, dependency }) => `  ${task} waits for ${dependency}: they claim the same paths`),
    ];
  });
  return `${printable(lines.join("\n"))}\n`;
}

function shortened(path: readonly string[]): string {
  if (path.length <= PATH_SHOWN_MAX) return path.join(" → ");
  const half = PATH_SHOWN_MAX / 2;
  const left = path.length - PATH_SHOWN_MAX;
  return [...path.slice(0, half), `… ${count(left)} more …`, ...path.slice(-half)].join(" → ");
}
