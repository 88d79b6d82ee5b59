import { resolve } from "node:path";
import { InputError } from "../../domain/errors.ts";
import { validateGraph } from "../../domain/graph.ts";
import { GRAPH_TEXT_MAX, type GraphDocument, readGraphDocument } from "../../domain/graph-document.ts";
import { type GraphCatalogue, type GraphReport } from "../../domain/graph.ts";
import { type OutputReport, validateOutput, validatePlan } from "../../domain/plan-rules.ts";
import { EXIT } from "../exit-code.ts";
import type { Session } from "../session.ts";
import { readTextFile } from "../text-file.ts";
import { graphText } from "../view/graph.ts";

/** What `graph validate` answers: a report for each graph, by the deliverable's id or the file's name. */
export interface GraphValidation {
  kind: GraphDocument["kind"];
  valid: boolean;
  problems: string[];
  reports: Record<string, GraphReport | OutputReport>;
}

/** `graph validate`: the rules on a file, without a server. A graph that breaks one is bad input. */
export async function validate(session: Session, file: string): Promise<number> {
  const text = await readTextFile(resolve(file), GRAPH_TEXT_MAX, "graph_document_invalid");
  const document = readGraphDocument(text, file);
  const result = check(document, file, await session.deps.offline.catalogue(await session.home()));
  if (session.json || result.valid) {
    session.print(result, () => graphText(result));
    return result.valid ? EXIT.delivered : EXIT.usage;
  }
  throw new InputError(`The graph in ${file} breaks the rules.`, { code: "graph_invalid", problems: result.problems });
}

function check(document: GraphDocument, file: string, catalogue: GraphCatalogue): GraphValidation {
  const { kind } = document;
  if (kind === "plan" || kind === "plan_file") {
    const plan = kind === "plan" ? document.plan : document.file.plan;
    const { problems, graphs } = validatePlan(plan, catalogue);
    return { kind, valid: problems.length === 0, problems, reports: graphs };
  }
  const report =
    kind === "task_graph" ? validateGraph(document.graph, catalogue) : validateOutput(document.output, catalogue);
  const { problems } = report;
  return { kind, valid: problems.length === 0, problems, reports: { [file]: report } };
}
