import { isPlainPath } from "./paths.ts";
import type { TaskType } from "./plan.ts";

/** Files that a task's words name. */
export interface NamedFiles {
  /** That it makes or changes; a folder stands for all that is below it. */
  claims: string[];
  /** That it only looks into. */
  reads: string[];
}

const PATH_MAX = 300;
const CLAIMS_MAX = 50;
const FILE = /\.(?:[a-z]{1,5}|mp[34]|woff2|ya?ml|[a-z]{2}x)$/i;
/** Endings that make a file of a word without a folder. */
const BARE_FILE =
  /^[\w@+-][\w.@+-]*\.(?:c|cc|cfg|conf|cpp|cs|css|csv|env|go|gradle|h|hpp|html|ini|java|js|json|jsx|kt|lock|md|mjs|mod|php|proto|ps1|py|rb|rs|rst|scss|sh|sql|svelte|swift|toml|ts|tsx|txt|vue|xml|ya?ml)$/i;
const BARE_NAME =
  /^(?:Dockerfile|Makefile|Justfile|Procfile|LICENSE|\.(?:gitignore|dockerignore|editorconfig|env(?:\.\w+)?))$/;
/** Words that only look like files. */
const PRODUCT = /^(?:node|next|nuxt|vue|react|express|three|d3|chart|socket|alpine|ember|backbone)\.js$/i;
const ROOTS = new Set(
  "src lib app apps test tests docs backend frontend api ios android scripts examples packages cmd internal pkg .github migrations public assets".split(
    " ",
  ),
);
/** Spec-kit's own documents: the task reads them. */
const DESIGN = /^(?:(?:plan|spec|research|data-model|quickstart|tasks)\.md$|specs\/|contracts\/|\.specify\/)/;
const READ_AFTER = /^(?:per|see|from|using|against|following|matching|like|by)$/i;
const MOVES = /^(?:move|rename|extract|split|migrate)\b/i;

/** The files in a task's text, in order, each once; at most 50 that it changes. */
export function filesIn(text: string): NamedFiles {
  const claims = new Set<string>();
  const reads = new Set<string>();
  let before = "";
  for (const word of text.split(/[\s,;`"'()<>|]+/)) {
    const path = pathOf(word);
    if (path !== undefined) {
      const looks = DESIGN.test(path) || (READ_AFTER.test(before) && !MOVES.test(text));
      (looks ? reads : claims).add(path);
    } else if (word !== "") before = word;
    if (claims.size >= CLAIMS_MAX) break;
  }
  return { claims: [...claims], reads: [...reads].filter((path) => !claims.has(path)).slice(0, CLAIMS_MAX) };
}

function pathOf(word: string): string | undefined {
  const folder = /\/[.:!?]*$/.test(word);
  const path = word
    .replace(/^\.\//, "")
    .replace(/(?::\d{1,7})?[.:!?]*$/, "")
    .replace(/\/$/, "");
  if (path.length > PATH_MAX || !/^[\w.@+\-/[\]]+$/.test(path) || !isPlainPath(path)) return undefined;
  const parts = path.split("/");
  const name = parts.at(-1) ?? "";
  if (parts.length === 1 && !folder)
    return (BARE_FILE.test(name) && !PRODUCT.test(name)) || BARE_NAME.test(name) ? path : undefined;
  return folder || FILE.test(name) || BARE_NAME.test(name) || ROOTS.has(parts[0] ?? "") ? path : undefined;
}

const TEST_FILE = /(?:^|\/)(?:tests?|__tests__|e2e)(?:\/|$)|(?:^|\/)test_[^/]*$|[._](?:test|spec)\.\w+$|_test\.\w+$/i;
const DOC_FILE = /\.(?:md|rst|adoc|txt)$|(?:^|\/)docs?(?:\/|$)/i;
const TESTS = /^(?:[\w-]+ ){0,4}tests?\b/i;
const DOCS = /\b(?:document(?:ation|ed)?|readme|changelog|docs|guide|tutorial)\b/i;
const REVIEW = /^(?:review|audit)\b/i;
const VERIFY = /^(?:verify|validate|check|inspect|confirm|assess|run)\b/i;

/** A task's type by the files that it names, else by its words. */
export function typeOf(text: string, claims: readonly string[]): TaskType {
  if (REVIEW.test(text)) return "review";
  if (claims.length === 0) {
    if (VERIFY.test(text)) return "review";
    if (TESTS.test(text)) return "test";
    return DOCS.test(text) ? "docs" : "code";
  }
  if (claims.every((path) => TEST_FILE.test(path))) return "test";
  return claims.every((path) => DOC_FILE.test(path)) ? "docs" : "code";
}
