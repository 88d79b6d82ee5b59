import { resolve } from "node:path";
import type { CapsuleTestCase, CapsuleTestReport } from "../../domain/capsule-report.ts";
import { InputError } from "../../domain/errors.ts";
import { printable } from "../../platform/text.ts";
import { EXIT } from "../exit-code.ts";
import type { Session } from "../session.ts";
import { plural } from "../view/text.ts";

/** `capsule new`: a capsule that passes `validate` and `test` as it stands. */
export async function create(session: Session, id: string, options: { dir: string }): Promise<number> {
  const tools = await session.deps.offline.capsules();
  const [yaml = "", ...templates] = await tools.create(id, resolve(options.dir));
  const next = `kamachiq capsule validate ${yaml}\nkamachiq capsule test ${yaml}\n`;
  session.print(
    { capsule: yaml, templates },
    () => `wrote ${yaml} and ${plural(templates.length, "template")}\n${next}`,
  );
  return EXIT.delivered;
}

/** `capsule validate`: a capsule with a problem is bad input. */
export async function validate(session: Session, path: string): Promise<number> {
  const tools = await session.deps.offline.capsules();
  const result = await tools.validate(path);
  const valid = result.problems.length === 0;
  if (session.json || valid) {
    const { id, version, digest, tests } = result;
    session.print({ valid, ...result }, () => {
      return `${id} ${version} is valid, ${plural(tests, "test")}, digest ${digest?.slice(0, 12)}\n`;
    });
    return valid ? EXIT.delivered : EXIT.usage;
  }
  throw new InputError(`The capsule in ${path} is not valid.`, { code: "capsule_invalid", problems: result.problems });
}

/** `capsule test`: fails when a case does; a capsule that is not valid is bad input. */
export async function test(session: Session, target: string): Promise<number> {
  const tools = await session.deps.offline.capsules();
  const home = await session.home();
  const report = await tools.test(target, { home, progress: session.progress, signal: session.deps.interrupt });
  session.print(report, () => reportText(report));
  return report.passed ? EXIT.delivered : EXIT.failed;
}

function reportText({ id, version, passed, cases }: CapsuleTestReport): string {
  const good = cases.filter(({ problems }) => problems.length === 0).length;
  const end = `${id} ${version}: ${good} of ${plural(cases.length, "case")} passed`;
  return `${printable([...cases.map(caseText), passed ? end : `${end}; it fails`].join("\n"))}\n`;
}

function caseText({ name, problems, files, checks, ungraded, duration_ms }: CapsuleTestCase): string {
  const ran = checks.filter(({ passed }) => passed).length;
  const lines = [
    `${problems.length === 0 ? "passed" : "failed"}  ${name}: ${plural(files, "file")}, ${ran} of ${plural(checks.length, "check")} passed, ${(duration_ms / 1_000).toFixed(1)} s`,
    ...checks
      .filter(({ check }) => check === "mutants")
      .map(({ value }) => `  the tests kill ${(value * 100).toFixed(0)} % of the mutants`),
    ...ungraded.map((stack) => `  not graded: there is no evaluator for ${stack}`),
    ...problems.map((problem) => `  ${problem.replaceAll("\n", "\n  ")}`),
  ];
  return lines.join("\n");
}
