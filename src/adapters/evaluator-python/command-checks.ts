import { chmod, lstat, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CommandCheck, Expectation } from "../../domain/intake.ts";
import type { CheckResult } from "../../domain/review.ts";
import type { SandboxResult } from "../../ports/sandbox.ts";
import { type Examination, checkResult, outputOf, run } from "./run.ts";

const COMMAND_WALL_MS = 20_000;
const README_BYTES_MAX = 1024 ** 2;
const EXAMPLES_MAX = 100;
const SCRIPT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const TARGET = /^(?<module>[A-Za-z_][\w.]*):(?<attribute>[A-Za-z_][\w.]*)$/;

/** Runs a probe or an acceptance check: a command with a known answer, in a sandbox of its own. */
export async function commandCheck(
  on: Examination,
  check: CommandCheck,
  how: { proves: string[]; heldOut: boolean },
): Promise<CheckResult> {
  const result = await run(on, check.run, { stdin: check.stdin ?? "", limits: { wall_ms: COMMAND_WALL_MS } });
  const differences = differencesOf(result, check.expect);
  return checkResult({
    check: check.id,
    text: check.text,
    metric: "correctness",
    veto: how.heldOut,
    held_out: how.heldOut,
    passed: differences.length === 0,
    proves: how.proves,
    command: check.run.map(quoted).join(" "),
    exit_code: result.exit_code,
    duration_ms: result.duration_ms,
    output: [...differences, outputOf(result)].join("\n"),
  });
}

function differencesOf(result: SandboxResult, expected: Expectation): string[] {
  const differences: string[] = [];
  if (result.exit_code !== expected.exit_code)
    differences.push(`Expected exit code ${expected.exit_code}, got ${result.exit_code ?? result.signal}.`);
  if (expected.stdout !== undefined && result.stdout.trimEnd() !== expected.stdout.trimEnd())
    differences.push(`Expected on standard output: ${JSON.stringify(expected.stdout)}.`);
  if (expected.stdout_contains !== undefined && !result.stdout.includes(expected.stdout_contains))
    differences.push(`Expected standard output to contain ${JSON.stringify(expected.stdout_contains)}.`);
  if (expected.stderr_contains !== undefined && !result.stderr.includes(expected.stderr_contains))
    differences.push(`Expected standard error to contain ${JSON.stringify(expected.stderr_contains)}.`);
  return differences;
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Programs for the console entry points that the metadata promises, as an installer would make them. */
export async function writeLaunchers(folder: string, scripts: Record<string, string>, python: string): Promise<void> {
  for (const [name, target] of Object.entries(scripts)) {
    const { module, attribute } = TARGET.exec(target)?.groups ?? {};
    if (!SCRIPT.test(name) || module === undefined || attribute === undefined) continue;
    const [first = ""] = attribute.split(".");
    // A shell's first line, for a path to the interpreter may be longer than the kernel takes or have spaces in it.
    const text = `#!/bin/sh\n'''exec' "${python}" "$0" "$@"\n' '''\nimport sys\nfrom ${module} import ${first}\nsys.exit(${attribute}())\n`;
    await writeFile(join(folder, name), text);
    await chmod(join(folder, name), 0o755);
  }
}

interface Example {
  line: number;
  command: string;
  output: string;
}

/** Runs the README's examples and compares what they print, standard output before standard error. */
export async function readmeCheck(on: Examination): Promise<CheckResult> {
  const began = performance.now();
  const text = await readmeOf(on.tree);
  const examples = text === null ? [] : examplesOf(text).slice(0, EXAMPLES_MAX);
  const failures: string[] = [];
  for (const { line, command, output } of examples) {
    const result = await run(on, ["/bin/sh", "-c", command], { stdin: "", limits: { wall_ms: COMMAND_WALL_MS } });
    const printed = `${result.stdout}${result.stderr}`.trimEnd();
    if (printed !== output.trimEnd())
      failures.push(`README.md:${line}: $ ${command}\nsays:\n${output}\nprints:\n${printed}`);
  }
  const none = text === null ? "There is no README.md." : "README.md has no ```console example.";
  const good = examples.length - failures.length;
  return checkResult({
    check: "readme",
    metric: "documentation",
    passed: examples.length > 0 && failures.length === 0,
    value: examples.length === 0 ? 0 : good / examples.length,
    command: examples.map((example) => example.command).join(" ; "),
    exit_code: examples.length > 0 && failures.length === 0 ? 0 : 1,
    duration_ms: performance.now() - began,
    output:
      examples.length === 0 ? none : [`${good} of ${examples.length} examples are true.`, ...failures].join("\n\n"),
    counts: { examples: examples.length, true: good },
  });
}

async function readmeOf(tree: string): Promise<string | null> {
  const path = join(tree, "README.md");
  const entry = await lstat(path).catch(() => null);
  return entry?.isFile() && entry.size <= README_BYTES_MAX ? readFile(path, "utf8") : null;
}

/** `$ command` lines of the ```console blocks, with the lines printed after each. */
function examplesOf(readme: string): Example[] {
  const examples: Example[] = [];
  let inside = false;
  let current: Example | null = null;
  for (const [index, line] of readme.split(/\r?\n/).entries()) {
    if (/^\s*```/.test(line)) {
      inside = !inside && /^\s*```console\s*$/.test(line);
      current = null;
    } else if (inside && line.startsWith("$ ")) {
      current = { line: index + 1, command: line.slice(2), output: "" };
      examples.push(current);
    } else if (inside && current !== null) {
      current.output += `${line}\n`;
    }
  }
  return examples;
}
