import { resolve } from "node:path";
import { InputError } from "../domain/errors.ts";
import { GRAPH_TEXT_MAX, readGraphDocument } from "../domain/graph-document.ts";
import type { ProjectSpec } from "../domain/intake.ts";
import type { Plan, PlannerOutput } from "../domain/plan.ts";
import { readTextFile } from "./text-file.ts";

/** A file that `run --plan` takes, with the spec when it holds one. */
export interface PlanDocument {
  spec?: ProjectSpec;
  plan?: Plan;
  planner_output?: PlannerOutput;
}

/** Reads what `plan --out` wrote, a plan by itself, or a planner output. Throws InputError. */
export async function readPlanDocument(path: string): Promise<PlanDocument> {
  const text = await readTextFile(resolve(path), GRAPH_TEXT_MAX, "graph_document_invalid");
  const document = readGraphDocument(text, path);
  switch (document.kind) {
    case "plan_file":
      return { spec: document.file.spec, plan: document.file.plan };
    case "plan":
      return { plan: document.plan };
    case "planner_output":
      return { planner_output: document.output };
    case "task_graph":
      throw new InputError(`${path} is a task graph by itself, and does not say what makes and grades its tasks.`, {
        code: "graph_not_runnable",
        remedy: "Give a plan (`kamachiq plan SPEC --out FILE`) or a planner output, whose deliverables name capsules.",
      });
  }
}
