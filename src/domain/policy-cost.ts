import type { ASTNode } from "@marcbachmann/cel-js";

/** Assumed length of a list that a condition walks. */
const LIST_ITEMS = 100;
/** Most elementary steps that one condition may take: two walks inside each other with a small body. */
export const CONDITION_COST_MAX = 100_000;

const WALKS: ReadonlySet<string> = new Set(["all", "exists", "exists_one", "filter"]);
/**
 * What a condition may call. Left out on purpose: `matches` (a backtracking regular expression has no time bound;
 * `mentions` has one), `map`, `cel.bind`, `split` and `join` (they grow values), `has` and `dyn` (they hide unknown names).
 */
const CALLS: ReadonlySet<string> = new Set([
  ...WALKS,
  "size",
  "contains",
  "startsWith",
  "endsWith",
  "int",
  "double",
  "string",
  "mentions",
  "hidden_characters",
]);

/** Why a parsed condition can't be accepted as a rule, or null: what it calls, and what it may cost. */
export function conditionProblem(ast: ASTNode): string | null {
  const forbidden = [...callsOf(ast)].filter((name) => !CALLS.has(name));
  if (forbidden.length > 0)
    return `calls ${forbidden.map((name) => `"${name}"`).join(", ")}; a condition may call ${[...CALLS].join(", ")}`;
  const cost = costOf(ast);
  if (cost > CONDITION_COST_MAX)
    return `may take ${cost} steps, more than ${CONDITION_COST_MAX}; walk fewer lists inside each other`;
  return null;
}

function costOf(node: ASTNode): number {
  if (node.op === "rcall" && WALKS.has(node.args[0])) {
    const [, list, args] = node.args;
    return 1 + costOf(list) + LIST_ITEMS * args.reduce((sum, arg) => sum + costOf(arg), 0);
  }
  return 1 + childrenOf(node.args).reduce((sum, child) => sum + costOf(child), 0);
}

function callsOf(node: ASTNode): Set<string> {
  const names = new Set(childrenOf(node.args).flatMap((child) => [...callsOf(child)]));
  if (node.op === "call" || node.op === "rcall") names.add(node.args[0]);
  return names;
}

function childrenOf(args: unknown): ASTNode[] {
  if (Array.isArray(args)) return args.flatMap(childrenOf);
  return typeof args === "object" && args !== null && "op" in args ? [args as ASTNode] : [];
}
