// A result that can't be approved by itself goes to a person, who answers from another terminal after a restart.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { ProjectView, ReviewView } from "../src/api/views.ts";
import type { KamachiqEvent } from "../src/domain/events.ts";
import { Kamachiq, parseRun } from "./support/kamachiq.ts";
import { expectOnce, readLog } from "./support/once.ts";

const kamachiq = await Kamachiq.create();
afterAll(() => kamachiq.dispose());

/** A held-out check that the delivered program can't pass: the calculator has no such operation. */
async function doubtful(name: string): Promise<string> {
  return kamachiq.file(
    `${name}.yaml`,
    `name: ${name}
goals: [Create Python CLI calculator]
parameters: { package: ${name}, command: ${name}, operations: [add] }
acceptance:
  - { id: held-out-secret, text: It can subtract, run: [python, -m, ${name}, subtract, "741852", "3"], expect: { stdout: "741849" } }
budget: { tokens: 200000 }
`,
  );
}

describe("human review", () => {
  it("waits through a restart, and an approval delivers", async () => {
    const file = await doubtful("approved");
    const first = await kamachiq.run(["run", file, "--json"]);
    expect(first.code, first.stderr).toBe(3);
    const { project_id } = parseRun(first.stdout).result as { project_id: string };

    const { reviews } = await kamachiq.json<{ reviews: ReviewView[] }>(["review", "list"]);
    expect(reviews.map((review) => review.project_id)).toEqual([project_id]);
    await kamachiq.run(["down"]);
    expect(await kamachiq.serverPid()).toBeNull();

    const [review] = reviews;
    const answer = await kamachiq.run([
      "--as",
      "reviewer",
      "review",
      "approve",
      review?.id ?? "",
      "--comment",
      "good enough",
    ]);
    expect(answer.code, answer.stderr).toBe(0);
    const twice = await kamachiq.run(["--as", "reviewer", "review", "reject", review?.id ?? "", "--comment", "no"]);
    expect(twice.code).toBe(2);

    const again = await kamachiq.run(["resume", project_id, "--json"]);
    expect(again.code, again.stderr).toBe(0);
    const view = await kamachiq.json<ProjectView>(["status", project_id]);
    expect(view.state).toBe("delivered");
    await expectOnce(kamachiq, project_id);
    const decided = (await readLog(kamachiq, project_id)).find((event) => event.type === "kamachiq.review.decided");
    expect(decided?.data).toMatchObject({ decision: "approved", actor: "reviewer", comment: "good enough" });
  });

  it("a rejection ends the project as failed", async () => {
    const first = await kamachiq.run(["run", await doubtful("rejected"), "--json"]);
    expect(first.code).toBe(3);
    const { project_id } = parseRun(first.stdout).result as { project_id: string };
    const { reviews } = await kamachiq.json<{ reviews: ReviewView[] }>(["review", "list"]);
    const review = reviews.find((open) => open.project_id === project_id);
    await kamachiq.run(["review", "reject", review?.id ?? "", "--comment", "it can't subtract"]);
    const again = await kamachiq.run(["resume", project_id, "--json"]);
    expect(again.code).toBe(1);
    expect(parseRun(again.stdout).result?.reason).toContain("it can't subtract");
  });

  it("a task that stays below the threshold is remediated twice, then a person decides", async () => {
    const file = await kamachiq.file(
      "strict.yaml",
      `name: strict
goals: [Create Python CLI calculator]
parameters: { package: strict, command: strict, operations: [add] }
quality_threshold: 0.995
budget: { tokens: 200000 }
`,
    );
    const first = await kamachiq.run(["run", file, "--json"]);
    expect(first.code, first.stdout.slice(-1_000)).toBe(3);
    const { events, result } = parseRun(first.stdout);
    const scored = events.filter(({ type, data }) => type === "kamachiq.review.scored" && data["approved"] === false);
    const task = scored[0]?.data["task_id"] as string;
    expect(scored.map(({ data }) => [data["task_id"], data["attempt"]])).toEqual(
      [1, 2, 3].map((attempt) => [task, attempt]),
    );
    const { reviews } = await kamachiq.json<{ reviews: ReviewView[] }>(["review", "list"]);
    const review = reviews.find((open) => open.project_id === result?.project_id);
    expect(review?.task_id).toBe(task);
    expect((await kamachiq.run(["review", "approve", review?.id ?? ""])).code).toBe(0);
    const again = await kamachiq.run(["resume", result?.project_id ?? "", "--json"]);
    const end = parseRun(again.stdout).result;
    expect(end?.state, end?.reason ?? again.stderr).toBe("delivered");
    await expectOnce(kamachiq, end?.project_id ?? "");
  });

  it("keeps the held-out check out of logs, agents' output, feedback and the repository", async () => {
    const { projects } = await kamachiq.json<{ projects: ProjectView[] }>(["status"]);
    const secret = "741852";
    const events: KamachiqEvent[] = [];
    for (const { id } of projects) {
      const log = await kamachiq.run(["logs", id, "--json"]);
      expect(log.stdout.length).toBeGreaterThan(1_000);
      expect(log.stdout.includes(secret)).toBe(false);
      events.push(...(await readLog(kamachiq, id)));
    }
    expect(JSON.stringify(events).includes(secret)).toBe(false);
    // Everything that agents read or wrote is in the repository or in an artifact of theirs.
    const artifacts = grep(join(kamachiq.home, "artifacts"), secret);
    const reports = events.filter(({ type }) => type === "kamachiq.review.scored").map(({ data }) => data["report"]);
    const digests = (reports as { digest: string }[]).map(({ digest }) => digest);
    expect(artifacts.filter((file) => !digests.some((digest) => file.endsWith(digest)))).toEqual([]);
    expect(grep(join(kamachiq.home, "repositories"), secret)).toEqual([]);
  });
});

/** Files below a folder that contain the text. */
function grep(folder: string, text: string): string[] {
  const { stdout } = spawnSync("grep", ["-rlF", text, folder], { encoding: "utf8" });
  return stdout.split("\n").filter((line) => line !== "");
}
