import { z } from "zod";
import { InputError } from "./errors.ts";
import { PlanFile } from "./plan-file.ts";
import { withOurNames } from "./planner-output.ts";
import { Plan, PlannerOutput, TaskGraph } from "./plan.ts";
import { readDocument } from "./yaml-document.ts";
import { fieldName } from "./zod-issues.ts";

/** Larger texts are refused, in characters: a graph of 10,000 tasks has about 4 million. */
export const GRAPH_TEXT_MAX = 32_000_000;
/** What is read with line numbers; above it only JSON is read. */
const LINES_MAX = 1_000_000;
const DEPTH_MAX = 32;
const PROBLEMS_MAX = 50;

/** A plan, whole or in part, as a file holds it. */
export type GraphDocument =
  | { kind: "task_graph"; graph: TaskGraph }
  | { kind: "planner_output"; output: PlannerOutput }
  | { kind: "plan"; plan: Plan }
  | { kind: "plan_file"; file: PlanFile };

const KINDS = {
  plan_file: { field: "kamachiq_plan", schema: PlanFile, noun: "plan file" },
  plan: { field: "graphs", schema: Plan, noun: "plan" },
  planner_output: { field: "deliverables", schema: PlannerOutput, noun: "planner output" },
  task_graph: { field: "nodes", schema: TaskGraph, noun: "task graph" },
} as const;
type Kind = keyof typeof KINDS;

/**
 * Reads a TaskGraph (`nodes`), a planner output (`deliverables`), a whole plan (`graphs`) or a plan file
 * (`kamachiq_plan`) from YAML or JSON, told apart by these fields. Throws InputError `graph_document_invalid` with every problem, with lines where the text has at most
 * 1,000,000 characters.
 */
export function readGraphDocument(text: string, filename: string): GraphDocument {
  const json = parseJson(text, filename);
  const kind = kindOf(json ?? readDocumentAs(text, filename), filename);
  const { schema } = KINDS[kind];
  const prepared = kind === "planner_output" ? withOurNames(json) : { value: json, problems: [] };
  const parsed = json === undefined || prepared.problems.length > 0 ? null : schema.safeParse(prepared.value);
  const value = parsed?.success === true ? parsed.data : readWithLines(text, filename, kind, parsed?.error ?? null);
  if (kind === "plan_file") return { kind, file: value as PlanFile };
  if (kind === "plan") return { kind, plan: value as Plan };
  if (kind === "planner_output") return { kind, output: value as PlannerOutput };
  return { kind, graph: value as TaskGraph };
}

/** The value of a JSON text; undefined when it is not JSON, which may still be YAML. */
function parseJson(text: string, filename: string): unknown {
  if (text.length > GRAPH_TEXT_MAX)
    throw refusal(filename, [`${filename}: has ${text.length} characters; ${GRAPH_TEXT_MAX} are allowed`]);
  if (!text.trimStart().startsWith("{")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (depthOf(value, DEPTH_MAX) > DEPTH_MAX)
    throw refusal(filename, [`${filename}: is nested too deep; ${DEPTH_MAX} levels are allowed`]);
  return value;
}

function depthOf(value: unknown, room: number): number {
  if (typeof value !== "object" || value === null) return 0;
  if (room === 0) return 1;
  let deepest = 0;
  for (const item of Object.values(value)) deepest = Math.max(deepest, depthOf(item, room - 1));
  return deepest + 1;
}

/** YAML as it comes, to see what kind of document it is; syntax errors are reported here. */
function readDocumentAs(text: string, filename: string): unknown {
  return readDocument(text, filename, { ...COMMON, schema: ANYTHING, noun: "graph" });
}

function kindOf(value: unknown, filename: string): Kind {
  const fields = typeof value === "object" && value !== null ? Object.keys(value) : [];
  const kinds = Object.keys(KINDS) as Kind[];
  const kind = kinds.find((candidate) => fields.includes(KINDS[candidate].field));
  if (kind !== undefined) return kind;
  throw refusal(filename, [
    `${filename}:1: has neither "nodes" (a task graph), nor "deliverables" (a planner output), nor "graphs" (a plan)`,
  ]);
}

/** For the errors' lines, which only the slower reader has. */
function readWithLines(text: string, filename: string, kind: Kind, error: z.ZodError | null): unknown {
  const { schema, noun } = KINDS[kind];
  if (text.length <= LINES_MAX) {
    const prepare = kind === "planner_output" ? { prepare: (value: unknown) => withOurNames(value) } : {};
    return readDocument(text, filename, { ...COMMON, schema, noun, ...prepare });
  }
  const issues = error?.issues.slice(0, PROBLEMS_MAX) ?? [];
  throw refusal(
    filename,
    issues.length === 0
      ? [`${filename}: has more than ${LINES_MAX} characters and is not JSON; write large graphs as JSON`]
      : issues.map(({ path, message }) => `${filename}: ${fieldName(path)}${message}`),
  );
}

const ANYTHING = z.unknown();
const COMMON = {
  code: "graph_document_invalid",
  remedy: "Mend the places named above; the JSON Schemas are in docs/schemas.",
};

function refusal(filename: string, problems: string[]): InputError {
  return new InputError(`The graph in ${filename} can't be read.`, { ...COMMON, problems });
}
