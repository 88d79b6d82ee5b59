import { type ASTNode, Environment, type ParseResult } from "@marcbachmann/cel-js";

/** What a condition may ask of a task before it. A task that was skipped has a score, attempts and tokens of 0. */
export interface TaskOutcome {
  state: "done" | "skipped";
  /** Of its approved attempt, 0 to 1. */
  score: number;
  attempts: number;
  tokens: number;
}

export type OutcomeField = keyof TaskOutcome;

/** One `tasks["id"].field`, with the constants that it is compared with; null where it is compared with anything else. */
export interface ConditionUse {
  task: string;
  field: OutcomeField;
  constants: (string | number)[] | null;
}

/** A `when` that was understood. */
export interface Condition {
  uses: ConditionUse[];
  /** Pure. `outcomes` must have every task that is used. */
  holds(outcomes: ReadonlyMap<string, TaskOutcome>): boolean;
}

class Outcome {
  constructor(outcome: TaskOutcome) {
    const { attempts, tokens } = outcome;
    Object.assign(this, outcome, { attempts: BigInt(attempts), tokens: BigInt(tokens) });
  }
}
const FIELDS = { state: "string", score: "double", attempts: "int", tokens: "int" } as const;
const environment = new Environment({ limits: { maxAstNodes: 200, maxDepth: 16, maxListElements: 50 } })
  .registerType("Outcome", { ctor: Outcome, fields: FIELDS })
  .registerVariable("tasks", "map<string, Outcome>");

const COMPARISONS: ReadonlySet<string> = new Set(["==", "!=", "<", "<=", ">", ">="]);
const LOGIC: ReadonlySet<string> = new Set(["&&", "||", "!_", "?:"]);
const GRAMMAR = `compare tasks["id"].state, .score, .attempts or .tokens, with ==, !=, <, <=, >, >= or in, and join with &&, || and !`;

/** Understands a `when`, or says in one line why not. A condition calls nothing, so that its cost is its size. */
export function parseCondition(text: string): Condition | string {
  let parsed: ParseResult;
  try {
    parsed = environment.parse(text);
  } catch (error) {
    return `is not CEL: ${firstLine(error)}; ${GRAMMAR}`;
  }
  const uses: ConditionUse[] = [];
  const strange = collect(parsed.ast, uses);
  if (strange !== null) return `${strange}; ${GRAMMAR}`;
  const { valid, type, error } = parsed.check();
  if (!valid) return `is not right: ${firstLine(error)}; ${GRAMMAR}`;
  if (type !== "bool") return `gives ${type}, and must give true or false; ${GRAMMAR}`;
  return {
    uses,
    holds: (outcomes) => parsed({ tasks: new Map([...outcomes].map(([id, one]) => [id, new Outcome(one)])) }) === true,
  };
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0] ?? "";
}

/** Notes what the condition uses; answers what it must not hold, or null. */
function collect(node: ASTNode, uses: ConditionUse[]): string | null {
  const { op } = node;
  if (op === "value") return null;
  if (LOGIC.has(op)) return firstOf(childrenOf(node.args), (child) => collect(child, uses));
  if (COMPARISONS.has(op) || op === "in") return collectComparison(childrenOf(node.args), uses);
  const field = fieldOf(node);
  if (field === null) return `has "${op === "id" ? String(node.args) : op}", which a condition can't have`;
  uses.push({ ...field, constants: null });
  return null;
}

function collectComparison(sides: readonly ASTNode[], uses: ConditionUse[]): string | null {
  const fields = sides.flatMap((side) => fieldOf(side) ?? []);
  const constants = sides.flatMap((side) => constantsOf(side) ?? []);
  const known = sides.every((side) => fieldOf(side) !== null || constantsOf(side) !== null);
  if (!known) return firstOf(sides, (side) => collect(side, uses));
  for (const field of fields) uses.push({ ...field, constants: fields.length === 1 ? constants : null });
  return null;
}

/** `tasks["id"].field` or `tasks.id.field`. */
function fieldOf(node: ASTNode): Pick<ConditionUse, "task" | "field"> | null {
  if (node.op !== ".") return null;
  const [inner, field] = node.args as [ASTNode, string];
  if (inner.op !== "." && inner.op !== "[]") return null;
  const [base, key] = inner.args as [ASTNode, string | ASTNode];
  if (base.op !== "id" || base.args !== "tasks") return null;
  const task = typeof key === "string" ? key : key.op === "value" ? key.args : null;
  return typeof task === "string" ? { task, field: field as OutcomeField } : null;
}

function constantsOf(node: ASTNode): (string | number)[] | null {
  if (node.op === "value") {
    const value: unknown = node.args;
    if (typeof value === "string" || typeof value === "number") return [value];
    return typeof value === "bigint" ? [Number(value)] : null;
  }
  if (node.op !== "list") return null;
  const items = childrenOf(node.args).map(constantsOf);
  return items.includes(null) ? null : items.flatMap((item) => item ?? []);
}

function firstOf<T>(items: readonly T[], find: (item: T) => string | null): string | null {
  for (const item of items) {
    const found = find(item);
    if (found !== null) return found;
  }
  return null;
}

function childrenOf(args: unknown): ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(childrenOf);
  return typeof args === "object" && args !== null && "op" in args ? [args as ASTNode] : [];
}
