import type { ParseResult } from "@marcbachmann/cel-js";
import { isMap, isNode, LineCounter, parseDocument, type Document } from "yaml";
import { InputError } from "./errors.ts";
import { type PolicyContext, type PolicyDecision, type Rule, RuleSet, type Violation } from "./policy.ts";
import { celContext, environmentFor } from "./policy-context.ts";
import { conditionProblem } from "./policy-cost.ts";

export interface RuleSetText {
  /** As shown in errors: a path relative to the folder of policies. */
  file: string;
  text: string;
}

/** What the engine says of one step; who records it adds the id, the hashes and the time. */
export type Evaluation = Pick<PolicyDecision, "allowed" | "score" | "threshold" | "violations">;

export interface PolicyEngine {
  readonly rule_sets: readonly RuleSet[];
  /**
   * Judges a step: score = 1 − Σ weights of the violated rules, not below 0; allowed when no `deny` fired and
   * score ≥ `threshold` (0 to 1). Pure and bounded in time. Fails closed: a rule that can't be evaluated counts as a violated `deny`.
   */
  evaluate(context: PolicyContext, options: { threshold: number }): Evaluation;
}

interface CompiledRule {
  rule: Rule;
  /** Unique over all sets: `set/rule`. */
  id: string;
  condition: ParseResult;
}

const RULES_MAX = 5_000;
const ALIASES_MAX = 10;
/** Weights are summed as whole millionths: the order of the rules can't change the score. */
const MILLION = 1_000_000;

/**
 * Parses and checks rule sets. They are refused whole, with an InputError that has one problem a line
 * (`file:line: rule "id": …`): YAML errors, unknown fields or names, conditions that aren't boolean, cost too much or call what they may not.
 */
export function loadRuleSets(texts: readonly RuleSetText[]): PolicyEngine {
  const problems: string[] = [];
  const ruleSets: RuleSet[] = [];
  const rules: CompiledRule[] = [];
  const owners = new Map<string, string>();
  for (const { file, text } of texts) {
    const source = openSource(file, text);
    problems.push(...source.problems);
    if (source.ruleSet === null) continue;
    const owner = owners.get(source.ruleSet.id);
    if (owner !== undefined) problems.push(`${file}:1: rule set "${source.ruleSet.id}" is in ${owner} already`);
    owners.set(source.ruleSet.id, file);
    const compiled = compileRules(source.ruleSet, source.lineOf, file);
    problems.push(...compiled.problems);
    ruleSets.push(source.ruleSet);
    rules.push(...compiled.rules);
  }
  if (texts.length === 0) problems.push("there are no rule sets, and without rules nothing may be allowed");
  if (rules.length > RULES_MAX) problems.push(`${rules.length} rules are more than ${RULES_MAX}`);
  if (problems.length > 0)
    throw new InputError("The policy rules can't be used.", {
      code: "policy_rules_invalid",
      problems,
      remedy: "Mend the named lines; until then the rules that were in force stay in force.",
    });
  return engineOf(ruleSets, rules);
}

interface Source {
  ruleSet: RuleSet | null;
  problems: string[];
  lineOf: (path: readonly PropertyKey[]) => number;
}

function openSource(file: string, text: string): Source {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const lineOf = (path: readonly PropertyKey[]): number => lines.linePos(offsetOf(document, path)).line;
  const refuse = (problems: string[]): Source => ({ ruleSet: null, problems, lineOf });
  if (document.errors.length > 0)
    return refuse(document.errors.map((error) => `${file}:${lines.linePos(error.pos[0]).line}: ${error.message}`));
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: ALIASES_MAX });
  } catch (error) {
    return refuse([`${file}:1: ${error instanceof Error ? error.message : String(error)}`]);
  }
  const parsed = RuleSet.safeParse(value);
  if (parsed.success) return { ruleSet: parsed.data, problems: [], lineOf };
  return refuse(
    parsed.error.issues.map((issue) => {
      const id = issue.path[0] === "rules" ? document.getIn(["rules", issue.path[1], "id"]) : undefined;
      const rule = typeof id === "string" ? `rule "${id}": ` : "";
      return `${file}:${lineOf(issue.path)}: ${rule}${issue.path.map(String).join(".") || "document"}: ${issue.message}`;
    }),
  );
}

/** Offset of the deepest node on the path, for the path may end at a field that is missing. */
function offsetOf(document: Document, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length - 1), true);
    const key = isMap(parent)
      ? parent.items.find((pair) => isNode(pair.key) && String(pair.key) === path[length - 1])
      : null;
    const node = key?.key ?? document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return 0;
}

function compileRules(
  set: RuleSet,
  lineOf: Source["lineOf"],
  file: string,
): { rules: CompiledRule[]; problems: string[] } {
  const problems: string[] = [];
  const rules: CompiledRule[] = [];
  let environment: ReturnType<typeof environmentFor>;
  try {
    environment = environmentFor(set.settings);
  } catch (error) {
    return {
      rules,
      problems: [`${file}:${lineOf(["settings"])}: ${error instanceof Error ? error.message : String(error)}`],
    };
  }
  const ids = new Set<string>();
  for (const [index, rule] of set.rules.entries()) {
    const refuse = (field: string, problem: string): void => {
      problems.push(`${file}:${lineOf(["rules", index, field])}: rule "${rule.id}": ${problem}`);
    };
    if (ids.has(rule.id)) refuse("id", "another rule of the set has the same id");
    ids.add(rule.id);
    const condition = compileCondition(environment, rule.condition);
    if (typeof condition === "string") refuse("condition", condition);
    else rules.push({ rule, id: `${set.id}/${rule.id}`, condition });
  }
  return { rules, problems };
}

/** The compiled condition, or what is wrong with it. */
function compileCondition(environment: ReturnType<typeof environmentFor>, text: string): ParseResult | string {
  try {
    const condition = environment.parse(text);
    const problem = conditionProblem(condition.ast);
    if (problem !== null) return `the condition ${problem}`;
    const { valid, type, error } = condition.check();
    if (!valid) return `the condition is wrong: ${error?.summary ?? "unknown error"}`;
    return type === "bool" ? condition : `the condition must be true or false, and this is of type ${type}`;
  } catch (error) {
    return `the condition can't be read: ${summaryOf(error)}`;
  }
}

/** One line of an error of the CEL library, which else draws the source over several lines. */
function summaryOf(error: unknown): string {
  if (error instanceof Error && "summary" in error && typeof error.summary === "string") return error.summary;
  return error instanceof Error ? error.message : String(error);
}

function engineOf(ruleSets: readonly RuleSet[], rules: readonly CompiledRule[]): PolicyEngine {
  return {
    rule_sets: ruleSets,
    evaluate(context, { threshold }) {
      const values = celContext(context);
      const violations = rules
        .filter(({ rule }) => rule.actions.length === 0 || rule.actions.includes(context.action))
        .flatMap((compiled) => violationOf(compiled, values));
      const weights = violations.reduce((sum, { weight }) => sum + Math.round(weight * MILLION), 0);
      const score = Math.max(0, MILLION - weights) / MILLION;
      const denied = violations.some(({ severity }) => severity === "deny");
      return { allowed: !denied && score >= threshold, score, threshold, violations };
    },
  };
}

function violationOf({ rule, id, condition }: CompiledRule, values: Record<string, unknown>): Violation[] {
  const { severity, weight, remedy } = rule;
  try {
    if (condition(values) === false) return [];
    return [{ rule: id, severity, weight, reason: rule.message, remedy }];
  } catch (error) {
    const reason = `This rule could not be evaluated, so it denies: ${summaryOf(error)}`.slice(0, 500);
    return [{ rule: id, severity: "deny", weight, reason, remedy }];
  }
}
