import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Installation, Offline } from "./deps.ts";
import { PolicyError } from "../domain/errors.ts";
import { errorText, fromProblem } from "./errors.ts";
import { exitCodeOf } from "./exit-code.ts";
import { runCli } from "./main.ts";

/** What is tested here must end before the machine is touched. */
const untouched: Installation = {
  home: () => Promise.reject(new Error("the home was asked for")),
  serverInfo: () => Promise.reject(new Error("the server was looked for")),
  ensureComponents: () => Promise.reject(new Error("components were installed")),
  token: () => Promise.reject(new Error("a token was read")),
  diagnose: () => Promise.reject(new Error("the machine was examined")),
};

const noFiles: Offline = {
  catalogue: () => Promise.reject(new Error("the library was read")),
  heuristics: () => Promise.reject(new Error("the library was read")),
  capsules: () => Promise.reject(new Error("the capsules were read")),
};

async function kamachiq(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const out = { stdout: "", stderr: "" };
  const code = await runCli(argv, {
    version: "1.2.3",
    stdout: { write: (text) => (out.stdout += text) },
    stderr: { write: (text) => (out.stderr += text) },
    env: {},
    installation: untouched,
    offline: noFiles,
    entries: { server: "server.ts", worker: "worker.ts" },
    interrupt: new AbortController().signal,
  });
  return { code, ...out };
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kamachiq-cli-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the command line", () => {
  it("prints its version and its help on stdout", async () => {
    expect(await kamachiq("--version")).toEqual({ code: 0, stdout: "1.2.3\n", stderr: "" });
    const help = await kamachiq("--help");
    expect(help.code).toBe(0);
    const names = [
      "run",
      "submit",
      "plan",
      "status",
      "logs",
      "review",
      "resume",
      "pause",
      "cancel",
      "requeue",
      "up",
      "worker",
      "down",
      "doctor",
      "setup",
    ];
    for (const command of names) expect(help.stdout).toMatch(new RegExp(`^  ${command}\\b`, "m"));
    expect((await kamachiq("run", "--help")).stdout).toMatch(/--dry-run[\s\S]*--home <dir>/);
  });

  it.each([
    [["--nonsense"], "unknown option '--nonsense'"],
    [["fly"], "unknown command 'fly'"],
    [["run"], "No spec is named, and the plan holds none"],
    [["run", "a.yaml", "--sandbox", "chroot"], "Allowed choices are bubblewrap, none"],
    [["run", "a.yaml", "--max-concurrency", "0"], "whole number from 1 to 9999"],
    [["review", "reject", "r"], "required option '--comment <text>' not specified"],
    [["submit"], "required option '--project-spec <file>' not specified"],
  ])("answers 2 and says what is wrong with %j", async (argv, message) => {
    const { code, stdout, stderr } = await kamachiq(...argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^error: [\s\S]*\n→ /);
  });

  it("answers with a problem document when --json is given", async () => {
    const { code, stdout, stderr } = await kamachiq("run", "--json", "--nonsense");
    expect({ code, stderr }).toEqual({ code: 2, stderr: "" });
    expect(JSON.parse(stdout)).toMatchObject({ code: "usage", status: 422, exit_code: 2 });
  });

  it.each([
    ["there-is-none.yaml", undefined, /there is no such file/],
    ["empty.yaml", "", /empty\.yaml/],
    ["large.yaml", `name: a\ngoals: [b]\n#${"x".repeat(3_000_000)}`, /3000\d* bytes; a spec may have 1000000/],
    ["negative.yaml", "name: a\ngoals: [b]\nbudget: {tokens: -1}\n", /negative\.yaml:3/],
    ["id.yaml", 'name: "../a"\ngoals: [b]\nbudget: {tokens: 1}\n', /id\.yaml:1/],
  ])("refuses %s before anything is set up", async (name, content, message) => {
    const path = join(folder, name);
    if (content !== undefined) await writeFile(path, content);
    for (const command of ["run", "plan"]) {
      const { code, stdout, stderr } = await kamachiq(command, path);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toMatch(message);
    }
  });

  it("ends with 130 when the user interrupts before anything runs", async () => {
    const interrupt = new AbortController();
    const stderr: string[] = [];
    const ended = runCli(["status"], {
      version: "1.2.3",
      stdout: { write: () => true },
      stderr: { write: (text) => stderr.push(text) },
      env: {},
      offline: noFiles,
      installation: { ...untouched, home: () => new Promise(() => {}) },
      entries: { server: "server.ts", worker: "worker.ts" },
      interrupt: interrupt.signal,
    });
    setTimeout(() => interrupt.abort(), 20);
    expect(await ended).toBe(130);
    expect(stderr.join("")).toBe("error: Interrupted.\n");
  });
});

describe("errors on the command line", () => {
  it("prints the message, a line a problem and the way out, without control characters", () => {
    const error = new PolicyError(
      "Policy \u001b[31mforbids it.",
      ["no-network: asks for the network"],
      "Leave it out.",
    );
    expect(errorText(error)).toBe("error: Policy forbids it.\n  no-network: asks for the network\n→ Leave it out.\n");
  });

  it("gives problems of the server the exit code that they had there", () => {
    const problem = { detail: "x", retryable: false };
    expect(fromProblem({ ...problem, code: "policy_denied", status: 403 }).exit_code).toBe(4);
    expect(fromProblem({ ...problem, code: "request_invalid", status: 422 }).exit_code).toBe(2);
    expect(fromProblem({ ...problem, code: "internal", status: 500 }).exit_code).toBe(1);
  });

  it("turns a project's state into an exit code", () => {
    const codes = (["delivered", "partial", "failed", "cancelled", "waiting", "paused", "blocked"] as const).map(
      exitCodeOf,
    );
    expect(codes).toEqual([0, 1, 1, 1, 3, 3, 4]);
  });
});
