import type { Plan } from "../../domain/plan.ts";

/** The plan as a Mermaid flowchart: a box for each deliverable, its tasks inside. Ids are numbered, for Mermaid has reserved words. */
export function mermaid({ deliverables, graphs }: Pick<Plan, "deliverables" | "graphs">): string {
  const lines = ["flowchart LR"];
  const names = new Map<string, string>();
  for (const [position, { id, title }] of deliverables.entries()) {
    names.set(id, `d${position}`);
    lines.push(`  subgraph d${position}["${label(title === undefined ? id : `${id}: ${title}`)}"]`);
    for (const [index, node] of (graphs[id]?.nodes ?? []).entries()) {
      names.set(`${id}/${node.id}`, `d${position}t${index}`);
      lines.push(`    d${position}t${index}["${label(node.id)}<br/>${label(`${node.type}, ${node.persona}`)}"]`);
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
