import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { Capsule } from "../domain/capsule.ts";
import { governanceOverlay } from "../domain/govern.ts";

const file = new URL("../../services/task-capsule-repo/app/capsules/kamachiq_governance_review.yaml", import.meta.url);
const capsule = Capsule.parse(parse(await readFile(file, "utf8")));

it("ships a governance capsule with the blueprint's thresholds and every check", () => {
  expect(governanceOverlay(capsule)).toEqual({
    capsule: "kamachiq_governance_review",
    version: "1.0.0",
    checks: ["constitution", "budget_variance", "key_artifacts", "audit_artifacts", "human_approval"],
    policies: {
      constitution_threshold: 0.82,
      budget_variance_max: 0.15,
      key_artifacts: ["code", "test", "docs"],
      audit_artifacts: [
        "plan",
        "policy_decisions",
        "provisioning",
        "task_outputs",
        "quality_reports",
        "project_report",
      ],
      human_approval_required: false,
    },
  });
});

it("refuses a capsule that can't review, and says why", () => {
  const bad = { ...capsule, type: "delivery" as const, policies: { budget_variance_max: -1, mood: "good" } };
  bad.tasks = capsule.tasks.slice(0, 1).map((task) => ({ ...task, checks: ["toString"] }));
  expect(() => governanceOverlay(bad)).toThrow(
    expect.objectContaining({
      problems: [
        'type: "delivery" is not "governance"',
        expect.stringContaining("policies.budget_variance_max"),
        expect.stringContaining("mood"),
        'tasks: there is no check "toString"',
        "tasks: no check is named, so nothing would be reviewed",
      ],
    }),
  );
});
