import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { InputError } from "../../domain/errors.ts";
import { GRAPH_TEXT_MAX } from "../../domain/graph-document.ts";
import type { PlannerHeuristics } from "../../domain/heuristics.ts";
import type { PlannerOutput, TaskGraph } from "../../domain/plan.ts";
import { importPlannerOutput } from "../../domain/planner-output.ts";
import { importSpecKitTasks } from "../../domain/speckit-tasks.ts";
import { EXIT } from "../exit-code.ts";
import type { Session } from "../session.ts";
import { readTextFile } from "../text-file.ts";

export interface ImportOptions {
  out?: string;
  /** Tokens; absent: the estimates with the planner's margin. */
  budget?: number;
}

interface Imported {
  document: TaskGraph | PlannerOutput;
  notes: string[];
}

/** `graph import`: spec-kit's tasks.md as a task graph, or a planner output as ours, on stdout or in a file. */
export async function importGraph(session: Session, file: string, options: ImportOptions): Promise<number> {
  const text = await readTextFile(resolve(file), GRAPH_TEXT_MAX, "graph_document_invalid");
  const { document, notes } = file.endsWith(".md")
    ? fromTasks(text, file, await session.deps.offline.heuristics(), options.budget)
    : fromOutput(text, file);
  for (const note of notes) session.progress(note);
  const json = `${JSON.stringify(document, null, 2)}\n`;
  if (options.out === undefined) session.stdout.write(json);
  else await keep(options.out, json);
  return EXIT.delivered;
}

function fromTasks(text: string, file: string, heuristics: PlannerHeuristics, budget: number | undefined): Imported {
  const { personas, imported, budget_factor } = heuristics;
  const graphWith = (budget_total: number) =>
    importSpecKitTasks(text, file, {
      personas,
      estimate: (type) => imported[type],
      budget_total,
      timeout_minutes: 60,
      quality_threshold: 0.8,
    });
  const { graph, notes } = graphWith(budget ?? 1);
  const needed = graph.nodes.reduce((sum, node) => sum + node.estimated_tokens, 0);
  return { document: { ...graph, budget_total: budget ?? Math.ceil(needed * budget_factor) }, notes };
}

function fromOutput(text: string, file: string): Imported {
  const { output, notes } = importPlannerOutput(text, file);
  return { document: output, notes };
}

async function keep(path: string, text: string): Promise<void> {
  await writeFile(resolve(path), text).catch((error: Error) => {
    throw new InputError(`The graph can't be written to ${path}: ${error.message}.`, { code: "graph_not_written" });
  });
}
