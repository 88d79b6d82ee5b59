import { Capsule, type CapsuleContent, type LoadedCapsule } from "../domain/capsule.ts";
import { type CapsuleProblem, capsuleProblems } from "../domain/capsule-rules.ts";
import { InputError } from "../domain/errors.ts";
import { lineFinder, readDocument } from "../domain/yaml-document.ts";
import { canonicalJson, sha256 } from "../platform/digest.ts";
import { createTemplateEngine } from "./template-engine.ts";

/**
 * A capsule from its text, checked by itself. `file` is what problems call its YAML; templates lie in the folder of the
 * same name without ".yaml". Throws InputError `capsule_invalid`, each problem with file and line.
 */
export function readCapsule(content: CapsuleContent, file: string): LoadedCapsule {
  const { loaded, problems } = examineCapsule(content, file);
  if (problems.length > 0) throw invalidCapsule(problems);
  return loaded;
}

/** The same for who wants to go on with a capsule that has problems. Throws where its YAML does not fit the schema. */
export function examineCapsule(
  { yaml, templates }: CapsuleContent,
  file: string,
): { loaded: LoadedCapsule; problems: string[] } {
  const remedy = "Mend the lines named above.";
  const capsule = readDocument(yaml, file, { schema: Capsule, noun: "capsule", code: "capsule_invalid", remedy });
  const files = new Map(Object.entries(templates));
  const problems = [...locate(capsuleProblems(capsule, files), yaml, file), ...unparsable(files, folderOf(file))];
  return { loaded: { capsule, yaml, templates: files, digest: sha256(canonicalJson({ yaml, templates })) }, problems };
}

/** The capsule's content as it is stored; its SHA-256 is the digest. */
export function storedContent({ yaml, templates }: LoadedCapsule): string {
  return canonicalJson({ yaml, templates: Object.fromEntries(templates) });
}

/** Problems as `FILE:LINE: what is wrong`. */
export function locate(problems: readonly CapsuleProblem[], yaml: string, file: string): string[] {
  if (problems.length === 0) return [];
  const lineOf = lineFinder(yaml);
  return problems.map(({ path, problem }) => `${file}:${lineOf(path)}: ${problem}`);
}

export function invalidCapsule(problems: string[]): InputError {
  return new InputError("The capsule library is not valid.", {
    code: "capsule_invalid",
    problems,
    remedy: "Mend the lines named above; no capsule is used until all are valid.",
  });
}

/** Folder of a capsule's templates. */
export function folderOf(file: string): string {
  return file.replace(/\.yaml$/, "");
}

/** Templates with a mistake in their syntax. */
function unparsable(templates: ReadonlyMap<string, string>, folder: string): string[] {
  const engine = createTemplateEngine(templates);
  return [...templates.keys()].flatMap((path) => {
    const problem = engine.check(path);
    if (problem === undefined) return [];
    return [`${folder}/${path}:${/line:(\d+)/.exec(problem)?.[1] ?? "1"}: ${problem}`];
  });
}
