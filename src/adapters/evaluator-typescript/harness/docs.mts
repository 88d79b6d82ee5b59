// Share of exported names that have a JSDoc comment with words in it: {"total", "covered", "missing": ["file:line name"]}.
import { readFile } from "node:fs/promises";
import { readInput } from "./input.mts";
import { isNode, lineFinder, loadParser, type Node, type Parse } from "./syntax.mts";

const LISTED_MAX = 100;

type Named = { name: string };

interface Export {
  name: string;
  documented: boolean;
  line: number;
}

/** Names that the module declares and exports, with the public methods of its classes. What it hands on from others counts there. */
function exportsOf(parse: Parse, path: string, text: string): Export[] {
  const { program, comments } = parse(path, text);
  const body = (program as unknown as { body: Node[] }).body;
  const lineAt = lineFinder(text);
  const ends = new Set(
    comments.filter(({ type, value }) => type === "Block" && isDocumentation(value)).map(({ end }) => end),
  );
  const documented = ({ start }: Node): boolean => ends.has(text.slice(0, start).trimEnd().length);
  const entry = (name: string, node: Node): Export => ({
    name,
    documented: documented(node),
    line: lineAt(node.start),
  });

  const named = new Set(body.flatMap(localNames));
  return body.flatMap((statement) => {
    const exported = statement.type === "ExportNamedDeclaration" || statement.type === "ExportDefaultDeclaration";
    const declaration = exported ? statement["declaration"] : statement;
    if (!isNode(declaration)) return [];
    const names = namesOf(declaration).filter((name) => exported || named.has(name));
    if (names.length === 0 && !exported) return [];
    const own = (names.length === 0 ? ["default"] : names).map((name) => entry(name, statement));
    return [
      ...own,
      ...methodsOf(declaration).map((method) => entry(`${names[0] ?? "default"}.${nameOf(method)}`, method)),
    ];
  });
}

/** A JSDoc comment that says something besides its tags. */
function isDocumentation(value: string): boolean {
  return value.startsWith("*") && /\p{L}{2}/u.test(value.replaceAll(/@\w+/g, ""));
}

/** Names of `export { a, b as c }` without a source. */
function localNames(statement: Node): string[] {
  if (statement.type !== "ExportNamedDeclaration" || statement["source"] !== null) return [];
  return (statement["specifiers"] as { local: Named }[]).map(({ local }) => local.name);
}

function namesOf(declaration: Node): string[] {
  const named = declaration.type === "VariableDeclaration" ? (declaration["declarations"] as Node[]) : [declaration];
  return named.flatMap(({ id }) => (isNode(id) && id.type === "Identifier" ? [(id as unknown as Named).name] : []));
}

function methodsOf(declaration: Node): Node[] {
  const body = declaration["body"] as { body?: unknown } | undefined;
  if (declaration.type !== "ClassDeclaration" || !Array.isArray(body?.body)) return [];
  return (body.body as Node[]).filter(
    (member) =>
      member.type === "MethodDefinition" &&
      member["kind"] !== "constructor" &&
      (member["accessibility"] ?? "public") === "public" &&
      (member["key"] as Node).type === "Identifier",
  );
}

function nameOf(method: Node): string {
  return (method["key"] as Named).name;
}

const input = await readInput();
const parse = await loadParser(input.parser);
const found: (Export & { path: string })[] = [];
for (const path of input.program) {
  for (const one of exportsOf(parse, path, await readFile(path, "utf8"))) found.push({ path, ...one });
}
const missing = found.filter(({ documented }) => !documented);
process.stdout.write(
  JSON.stringify({
    total: found.length,
    covered: found.length - missing.length,
    missing: missing.slice(0, LISTED_MAX).map(({ path, line, name }) => `${path}:${line} ${name}`),
  }),
);
