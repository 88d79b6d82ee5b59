// What the other scripts know of a module's syntax: the parts of it that exist at run time.
import { pathToFileURL } from "node:url";
import type { parseSync } from "oxc-parser";

export type Parse = typeof parseSync;

/** Any node of the ESTree; fields differ by type. */
export interface Node {
  type: string;
  start: number;
  end: number;
  [field: string]: unknown;
}

export interface Place {
  node: Node;
  parent: Node;
}

/** TypeScript's own nodes are types and gone at run time, but for these, which hold an expression. */
const HOLDERS = new Set([
  "TSAsExpression",
  "TSSatisfiesExpression",
  "TSNonNullExpression",
  "TSInstantiationExpression",
]);
const NO_BEHAVIOUR = new Set(["ImportDeclaration", "ExportAllDeclaration", "ImportExpression", "MetaProperty"]);

/** The parser by the path of its module: the sandbox shows it where nothing resolves it by name. */
export async function loadParser(path: string): Promise<Parse> {
  return ((await import(pathToFileURL(path).href)) as { parseSync: Parse }).parseSync;
}

export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Node).type === "string";
}

/** Every node on which behaviour depends, parents first, with the node around it. */
export function* behaviour(parent: Node): Generator<Place> {
  for (const [field, value] of Object.entries(parent)) {
    if (field === "key" && parent["computed"] !== true) continue; // the name of a member
    for (const node of Array.isArray(value) ? value : [value]) {
      if (!isNode(node) || isErased(node)) continue;
      yield { node, parent };
      yield* behaviour(node);
    }
  }
}

function isErased(node: Node): boolean {
  if (node.type.startsWith("TS")) return !HOLDERS.has(node.type);
  if (node.type === "ExportNamedDeclaration") return node["exportKind"] === "type" || node["source"] !== null;
  return NO_BEHAVIOUR.has(node.type) || node["declare"] === true;
}

/** Lines, from 1, on which something starts that is there at run time. Empty for a module that can't be parsed. */
export function codeLines(parse: Parse, path: string, text: string): Set<number> {
  const { program, errors } = parse(path, text);
  const lines = new Set<number>();
  if (errors.length > 0) return lines;
  const lineAt = lineFinder(text);
  for (const { node } of behaviour(program as unknown as Node)) {
    if (node.type !== "BlockStatement" && node.type !== "ExportNamedDeclaration") lines.add(lineAt(node.start));
  }
  return lines;
}

/** Answers the line, from 1, of an offset. */
export function lineFinder(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    for (let high = starts.length - 1; low < high;) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
}
