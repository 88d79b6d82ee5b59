import { InputError } from "../../domain/errors.ts";

const SOURCES_MAX = 2_000;
const SOURCE = /\.[cm]?[jt]s$/;
const DECLARATION = /\.d\.[cm]?ts$/;
const TEST = /(^|\/)[^/]*[._-]test\.[cm]?[jt]s$/;
const CONFIGURATION = /(^|\/)[^/]*\.config\.[cm]?[jt]s$/;
const FOLDERS_LEFT_OUT = new Set(["node_modules", "dist", "coverage", "build", "out"]);
const FOLDERS_OF_TESTS = new Set(["test", "tests", "__tests__"]);

/** The tree's modules, by what they are for; paths relative to the tree, in order. */
export interface Sources {
  all: string[];
  /** Modules of the program: below `src`, or where there is no such folder, all that are neither tests nor configuration. */
  program: string[];
  tests: string[];
}

/** Sorts a tree's files. Fails with InputError when there are more than can be handed to one command. */
export function sourcesOf(files: Iterable<string>): Sources {
  const all = [...files].filter((path) => SOURCE.test(path) && !isLeftOut(path)).toSorted();
  if (all.length > SOURCES_MAX)
    throw new InputError(`The tree has ${all.length} modules; ${SOURCES_MAX} can be graded.`, {
      code: "tree_too_large",
      remedy: "Deliver it as several projects.",
    });
  const tests = all.filter(isTest);
  const candidates = all.filter(
    (path) => !isTest(path) && !isOfTests(path) && !DECLARATION.test(path) && !CONFIGURATION.test(path),
  );
  const below = candidates.filter((path) => path.startsWith("src/"));
  return { all, tests, program: below.length > 0 ? below : candidates };
}

export function isTest(path: string): boolean {
  return TEST.test(path);
}

function isOfTests(path: string): boolean {
  return path.split("/").some((name) => FOLDERS_OF_TESTS.has(name));
}

function isLeftOut(path: string): boolean {
  return path
    .split("/")
    .slice(0, -1)
    .some((name) => name.startsWith(".") || FOLDERS_LEFT_OUT.has(name));
}
