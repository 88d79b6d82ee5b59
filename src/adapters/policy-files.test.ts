import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { parse } from "yaml";
import { runPolicyCases } from "../domain/policy-cases.ts";
import { createPolicyFiles } from "./policy-files.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "kamachiq-policies-"));
  await cp(new URL("../../policies", import.meta.url), folder, { recursive: true });
});
afterEach(async () => rm(folder, { recursive: true }));

const RULE = `id: extra
version: 1.0.0
rules:
  - { id: one, condition: "false", weight: 0.1, severity: info, message: m, remedy: r }
`;

it("loads the shipped rules, and hashes what they say rather than how they are written", async () => {
  const policies = await createPolicyFiles(folder);
  expect(policies.constitution_hash).toMatch(/^[0-9a-f]{64}$/);
  const before = policies.constitution_hash;
  await writeFile(join(folder, "extra.yaml"), RULE);
  await policies.reload();
  const withRule = policies.constitution_hash;
  expect(withRule).not.toBe(before);
  await rm(join(folder, "extra.yaml"));
  await writeFile(join(folder, "0-renamed.yaml"), `# a comment\n${RULE}`);
  await policies.reload();
  expect(policies.constitution_hash).toBe(withRule);
});

it("keeps the old rules when a reload is refused", async () => {
  const policies = await createPolicyFiles(folder);
  const { engine, constitution_hash } = policies;
  await writeFile(join(folder, "extra.yaml"), RULE.replace('"false"', "nobody"));
  await expect(policies.reload()).rejects.toMatchObject({
    problems: ['extra.yaml:4: rule "one": the condition is wrong: Unknown variable: nobody'],
    exit_code: 2,
  });
  expect(policies.engine).toBe(engine);
  expect(policies.constitution_hash).toBe(constitution_hash);
});

it("refuses folders that are missing or empty, large files and links", async () => {
  await expect(createPolicyFiles(join(folder, "nowhere"))).rejects.toMatchObject({ code: "policy_rules_invalid" });
  await writeFile(join(folder, "large.yaml"), `#${"x".repeat(300_000)}\n${RULE}`);
  await expect(createPolicyFiles(folder)).rejects.toThrow("larger than");
  await rm(join(folder, "large.yaml"));
  await symlink("/etc/passwd", join(folder, "link.yaml"));
  await expect(createPolicyFiles(folder)).rejects.toThrow("not a regular file");
});

it("ships rules that say what their cases say, with a case for each", async () => {
  const { engine } = await createPolicyFiles(folder);
  const cases = await readFile(join(folder, "cases.yaml"), "utf8");
  const { total, failures } = runPolicyCases(engine, parse(cases));
  expect(failures).toEqual([]);
  expect(total).toBeGreaterThan(50);
  const ids = engine.rule_sets.flatMap((set) => set.rules.map((rule) => `${set.id}/${rule.id}`));
  expect(ids.filter((id) => !cases.includes(id))).toEqual([]);
});
