import type { CheckResult } from "../../domain/review.ts";
import { checkResult, markedJson, newMarker, outputOf, type Run } from "../evaluator-shared/results.ts";
import { HARNESS } from "./run.ts";

/** Longer than the harness gives Sphinx, so that the harness can say so. */
const SURVEY_WALL_MS = 120_000;
const BUILD = "python -m sphinx -b html -W --keep-going -n";

/** What the built site is. */
interface Survey {
  error?: string;
  build?: {
    exit_code: number | null;
    duration_ms: number;
    output: string;
    warnings: number;
    problems: string[];
    pages: number;
  };
  links?: { total: number; external: number; broken: string[]; failed: number };
  structure?: { pages: number; good: number; problems: string[] };
}

type Wanted = (check: "build" | "links" | "structure") => boolean;

/** Builds the site once and reads what was built: `build`, `links` and `structure`, as wanted. */
export async function siteChecks(run: Run, wanted: Wanted): Promise<CheckResult[]> {
  const marker = newMarker();
  const limits = { wall_ms: SURVEY_WALL_MS, cpu_s: SURVEY_WALL_MS / 1_000 };
  const ran = await run(["python", `${HARNESS}/survey_site.py`], { stdin: `${marker}\n`, limits });
  const survey = markedJson<Survey>(ran.stdout, marker) ?? {
    error: `The build did not get to its end.\n${outputOf(ran)}`,
  };
  return [
    ...(wanted("build") ? [buildCheck(survey)] : []),
    ...(wanted("links") ? [linksCheck(survey)] : []),
    ...(wanted("structure") ? [structureCheck(survey)] : []),
  ];
}

function buildCheck({ error, build }: Survey): CheckResult {
  const { exit_code = null, duration_ms = 0, output = "", warnings = 0, problems = [], pages = 0 } = build ?? {};
  const said = [...(error === undefined ? [] : [error]), ...problems, output].filter((line) => line !== "");
  return checkResult({
    check: "build",
    metric: "correctness",
    veto: true,
    passed: exit_code === 0 && problems.length === 0 && pages > 0,
    command: BUILD,
    exit_code,
    duration_ms,
    output: said.join("\n") || `${pages} pages are built without a warning.`,
    counts: { pages, warnings },
  });
}

/** Files and anchors inside the site; what leads out of it is counted, for there is no network here. */
function linksCheck({ error, links }: Survey): CheckResult {
  const { total = 0, external = 0, broken = [], failed = 0 } = links ?? {};
  const passed = total > 0 && failed === 0;
  return checkResult({
    check: "links",
    metric: "correctness",
    passed,
    value: total === 0 ? 0 : (total - failed) / total,
    command: `${BUILD} && python survey_site.py`,
    exit_code: passed ? 0 : 1,
    duration_ms: 0,
    output: [
      error ?? `${total - failed} of ${total} links lead somewhere; ${external} lead out of the site.`,
      ...broken,
    ].join("\n"),
    counts: { links: total, broken: failed, external },
  });
}

function structureCheck({ error, structure }: Survey): CheckResult {
  const { pages = 0, good = 0, problems = [] } = structure ?? {};
  const passed = pages > 0 && good === pages;
  return checkResult({
    check: "structure",
    metric: "documentation",
    passed,
    value: pages === 0 ? 0 : good / pages,
    command: `${BUILD} && python survey_site.py`,
    exit_code: passed ? 0 : 1,
    duration_ms: 0,
    output: [error ?? `${good} of ${pages} pages are well built.`, ...problems].join("\n"),
    counts: { pages, good },
  });
}
