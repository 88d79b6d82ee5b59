// Changes that break a program: each replaces a piece of its text. What is gone at run time is left alone, and so are
// module names, member names, directives and regular expressions.
import { behaviour, lineFinder, type Node, type Parse, type Place } from "./syntax.mts";

/** One possible change: text from `start` to `end` becomes `replacement`. */
export interface Site {
  line: number;
  start: number;
  end: number;
  replacement: string;
  /** Before and after, for a person. */
  change: string;
}

type Edit = Pick<Site, "start" | "end" | "replacement">;

const TEXT_MAX = 60;
const OPERATORS: Record<string, string> = {
  "<": "<=",
  "<=": "<",
  ">": ">=",
  ">=": ">",
  "===": "!==",
  "!==": "===",
  "==": "!=",
  "!=": "==",
  "+": "-",
  "-": "+",
  "*": "/",
  "/": "*",
  "%": "*",
  "**": "*",
  "<<": ">>",
  ">>": "<<",
  ">>>": "<<",
  "&": "|",
  "|": "&",
  "^": "&",
  "&&": "||",
  "||": "&&",
  "??": "&&",
  "+=": "-=",
  "-=": "+=",
  "*=": "/=",
  "/=": "*=",
  "%=": "*=",
  "**=": "*=",
  "&&=": "||=",
  "||=": "&&=",
  "??=": "&&=",
};
const TESTS_WITH_SITES = new Set(["BinaryExpression", "LogicalExpression", "UnaryExpression"]);

/** All changes of a module in a fixed order. Empty for a module that can't be parsed. */
export function sites(parse: Parse, path: string, text: string): Site[] {
  const { program, errors } = parse(path, text);
  if (errors.length > 0) return [];
  const lineAt = lineFinder(text);
  return [...behaviour(program as unknown as Node)].flatMap((place) =>
    editsOf(place, text).map((edit) => ({
      ...edit,
      line: lineAt(edit.start),
      change: `${short(text.slice(edit.start, edit.end))} → ${short(edit.replacement) || "nothing"}`,
    })),
  );
}

export function mutated(text: string, { start, end, replacement }: Edit): string {
  return text.slice(0, start) + replacement + text.slice(end);
}

/** Whether the changed module is still one: what can't even be loaded says nothing about the tests. */
export function isProgram(parse: Parse, path: string, text: string): boolean {
  return parse(path, text, { showSemanticErrors: true }).errors.length === 0;
}

function editsOf({ node, parent }: Place, text: string): Edit[] {
  const swap = (replacement: string, { start, end }: { start: number; end: number } = node): Edit => ({
    start,
    end,
    replacement,
  });
  switch (node.type) {
    case "BinaryExpression":
    case "LogicalExpression":
      return operatorEdits(node, text);
    case "AssignmentExpression":
    case "UpdateExpression":
      return assignmentEdits(node, text);
    case "UnaryExpression":
      return node["operator"] === "!" || node["operator"] === "-" ? [swap(`(${textOf(node["argument"], text)})`)] : [];
    case "Literal":
      return isDirective(parent) ? [] : literalEdits(node);
    case "TemplateElement":
      return parent.type === "TemplateLiteral" && text.slice(node.start, node.end).trim() !== ""
        ? [{ start: node.start, end: node.start, replacement: "XX" }]
        : [];
    case "ConditionalExpression": {
      const [test, yes, no] = ["test", "consequent", "alternate"].map((field) => textOf(node[field], text));
      return [swap(`(${test} ? ${no} : ${yes})`)];
    }
    case "IfStatement": {
      const test = node["test"] as Node;
      const negated = swap(`!(${textOf(test, text)})`, test);
      return [...(TESTS_WITH_SITES.has(test.type) ? [] : [negated]), swap("false", test)];
    }
    default:
      return statementEdits(node, parent);
  }
}

function statementEdits(node: Node, parent: Node): Edit[] {
  const swap = (replacement: string, { start, end }: { start: number; end: number } = node): Edit[] => [
    { start, end, replacement },
  ];
  switch (node.type) {
    case "ThrowStatement":
      return swap(";");
    case "ContinueStatement":
      return swap("break;");
    case "BreakStatement":
      return swap(parent.type === "SwitchCase" ? ";" : "continue;");
    case "ExpressionStatement":
      return isCall(node["expression"] as Node) ? swap(";") : [];
    case "ReturnStatement":
      return isPlain(node["argument"]) ? [] : swap("return undefined;");
    case "ArrowFunctionExpression": {
      const body = node["body"] as Node;
      return body.type === "BlockStatement" || isPlain(body) ? [] : swap("undefined", body);
    }
    default:
      return [];
  }
}

function operatorEdits(node: Node, text: string): Edit[] {
  const [left, right, operator] = [node["left"] as Node, node["right"] as Node, String(node["operator"])];
  if (operator === "in" || operator === "instanceof")
    return [{ start: node.start, end: node.end, replacement: `!(${text.slice(node.start, node.end)})` }];
  const other = OPERATORS[operator];
  if (other === undefined || (operator === "+" && (isText(left) || isText(right)))) return [];
  const at = text.indexOf(operator, left.end);
  const [before, after] = [text.slice(node.start, at), text.slice(at + operator.length, node.end)];
  return [{ start: node.start, end: node.end, replacement: `(${before}${other}${after})` }];
}

function assignmentEdits(node: Node, text: string): Edit[] {
  const operator = String(node["operator"]);
  if (node.type === "UpdateExpression") {
    const other = operator === "++" ? "--" : "++";
    const start = node["prefix"] === true ? node.start : node.end - operator.length;
    return [{ start, end: start + operator.length, replacement: other }];
  }
  const other = OPERATORS[operator];
  const start = text.indexOf(operator, (node["left"] as Node).end);
  return other === undefined || isText(node["right"] as Node)
    ? []
    : [{ start, end: start + operator.length, replacement: other }];
}

function literalEdits(node: Node): Edit[] {
  const { start, end } = node;
  const value = node["value"];
  const { raw, bigint } = node as { raw?: string; bigint?: string };
  if (node["regex"] !== undefined) return [];
  if (typeof value === "boolean") return [{ start, end, replacement: String(!value) }];
  if (typeof value === "number") return [{ start, end, replacement: String(value + 1) }];
  if (bigint !== undefined) return [{ start, end, replacement: `${BigInt(bigint) + 1n}n` }];
  if (typeof value !== "string" || raw === undefined) return [];
  return [{ start, end, replacement: `${raw.slice(0, 1)}XX${raw.slice(1, -1)}XX${raw.slice(-1)}` }];
}

function isDirective(parent: Node): boolean {
  return parent.type === "ExpressionStatement" || parent.type === "ImportAttribute";
}

function isCall(node: Node): boolean {
  const inner = node.type === "AwaitExpression" ? (node["argument"] as Node) : node;
  return inner.type === "CallExpression";
}

/** Nothing, `undefined` or a literal: what else it could be is a change of its own, or none. */
function isPlain(value: unknown): boolean {
  const node = value as Node | null;
  return node === null || node.type === "Literal" || (node.type === "Identifier" && node["name"] === "undefined");
}

function isText(node: Node): boolean {
  return node.type === "TemplateLiteral" || (node.type === "Literal" && typeof node["value"] === "string");
}

function textOf(value: unknown, text: string): string {
  const { start, end } = value as Node;
  return text.slice(start, end);
}

function short(text: string): string {
  const line = text.split(/\s+/).join(" ").trim();
  return line.length <= TEXT_MAX ? line : `${line.slice(0, TEXT_MAX - 1)}…`;
}
