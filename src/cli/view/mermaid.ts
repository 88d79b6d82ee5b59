import type { PlanView } from "../../api/views.ts";
import { basisLines, taskRange } from "./estimate.ts";

/**
 * The plan as a Mermaid flowchart: a box for each deliverable, its tasks inside with what they may take; a comment says
 * what that rests on. Ids are numbered, for Mermaid has reserved words.
 */
export function mermaid({ plan: { deliverables, graphs }, estimate }: PlanView): string {
  const lines = ["flowchart LR", ...basisLines(estimate.total).map((line) => `  %% ${line}`)];
  const names = new Map<string, string>();
  for (const [position, { id, title }] of deliverables.entries()) {
    names.set(id, `d${position}`);
    lines.push(`  subgraph d${position}["${label(title === undefined ? id : `${id}: ${title}`)}"]`);
    for (const [index, node] of (graphs[id]?.nodes ?? []).entries()) {
      names.set(`${id}/${node.id}`, `d${position}t${index}`);
      const rows = [node.id, `${node.type}, ${node.persona}`, taskRange(node)].filter((row) => row !== "");
      lines.push(`    d${position}t${index}["${rows.map(label).join("<br/>")}"]`);
    }
    lines.push("  end");
  }
  for (const { id, dependencies } of deliverables) {
    for (const from of dependencies) lines.push(`  ${names.get(from)} --> ${names.get(id)}`);
    for (const node of graphs[id]?.nodes ?? []) {
      const to = names.get(`${id}/${node.id}`);
      for (const from of node.dependencies) lines.push(`  ${names.get(`${id}/${from}`)} --> ${to}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

/** Text that can't end the label or start markup. */
function label(text: string): string {
  return text.replaceAll(/[^\p{L}\p{N} .,:/_-]/gu, (character) => `#${character.codePointAt(0)};`);
}
