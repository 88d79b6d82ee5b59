import { Liquid } from "liquidjs";
import { KamachiqError } from "../domain/errors.ts";
import {
  markdownInline,
  markdownText,
  pascalCase,
  pythonConstant,
  pythonDocstring,
  pythonIdentifier,
  pythonImport,
  pythonString,
  pythonTuple,
  tomlString,
} from "./template-filters.ts";
import { codePoints, patternProblem } from "./template-patterns.ts";
import {
  docComment,
  jsonString,
  patternSample,
  scriptList,
  scriptProperty,
  scriptUnion,
} from "./template-filters-typescript.ts";

/** Characters of all templates that one call may parse. */
const PARSE_CHARACTERS_MAX = 1_000_000;
const RENDER_MS_MAX = 2_000;
/** Liquid's own measure of what a render creates: about one unit a character or list item. */
const RENDER_MEMORY_MAX = 10_000_000;
const OUTPUT_CHARACTERS_MAX = 1_000_000;

export interface TemplateEngine {
  /** Renders one of the templates by its path. */
  file(path: string, scope: Record<string, unknown>): string;
  /** Renders a text; `name` is what errors call it. */
  text(source: string, scope: Record<string, unknown>, name?: string): string;
  /** What is wrong with a template's syntax, if something is. */
  check(path: string): string | undefined;
  /** Whether a condition renders to `true`; a condition that is left out holds. */
  holds(condition: string | undefined, scope: Record<string, unknown>): boolean;
}

/**
 * Liquid over templates in memory: it reads no file, knows no variable or filter by accident, and is bounded in
 * time, memory and output. Fails with KamachiqError `template_invalid`, which names template and line.
 */
export function createTemplateEngine(templates: ReadonlyMap<string, string>): TemplateEngine {
  const liquid = new Liquid({
    templates: Object.fromEntries(templates),
    strictVariables: true,
    strictFilters: true,
    ownPropertyOnly: true,
    cache: true,
    parseLimit: PARSE_CHARACTERS_MAX,
    renderLimit: RENDER_MS_MAX,
    memoryLimit: RENDER_MEMORY_MAX,
  });
  liquid.registerFilter("py_str", pythonString);
  liquid.registerFilter("py_constant", pythonConstant);
  liquid.registerFilter("py_identifier", pythonIdentifier);
  liquid.registerFilter("py_tuple", pythonTuple);
  liquid.registerFilter("py_import", pythonImport);
  liquid.registerFilter("py_docstring", pythonDocstring);
  liquid.registerFilter("pascal_case", pascalCase);
  liquid.registerFilter("toml_str", tomlString);
  liquid.registerFilter("pattern_problem", patternProblem);
  liquid.registerFilter("code_points", codePoints);
  liquid.registerFilter("md", markdownText);
  liquid.registerFilter("ts_property", scriptProperty);
  liquid.registerFilter("ts_list", scriptList);
  liquid.registerFilter("ts_union", scriptUnion);
  liquid.registerFilter("jsdoc", docComment);
  liquid.registerFilter("json_str", jsonString);
  liquid.registerFilter("pattern_sample", patternSample);
  liquid.registerFilter("md_inline", markdownInline);

  const guarded = (name: string, render: () => string): string => {
    let output: string;
    try {
      output = render();
    } catch (error) {
      const said = error instanceof Error ? error.message : String(error);
      const remedy = "Mend the capsule's template or the parameter that it uses.";
      throw new KamachiqError(`The template ${name} can't be rendered: ${said}`, {
        code: "template_invalid",
        remedy,
        cause: error,
      });
    }
    if (output.length <= OUTPUT_CHARACTERS_MAX) return output;
    throw new KamachiqError(
      `The template ${name} rendered to ${output.length} characters; ${OUTPUT_CHARACTERS_MAX} are allowed.`,
      {
        code: "template_invalid",
      },
    );
  };
  const text: TemplateEngine["text"] = (source, scope, name = JSON.stringify(source.slice(0, 60))) =>
    source.includes("{") ? guarded(name, () => String(liquid.parseAndRenderSync(source, scope))) : source;
  return {
    text,
    file: (path, scope) => {
      if (templates.has(path)) return guarded(path, () => String(liquid.renderFileSync(path, scope)));
      throw new KamachiqError(`The capsule has no template ${path}.`, { code: "template_invalid" });
    },
    check: (path) => {
      try {
        liquid.parseFileSync(path);
      } catch (error) {
        return `template "${path}": ${error instanceof Error ? error.message : String(error)}`;
      }
      return undefined;
    },
    holds: (condition, scope) => condition === undefined || text(condition, scope).trim() === "true",
  };
}
