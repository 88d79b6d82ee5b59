import { describe, expect, it } from "vitest";
import type { ProjectView, TaskView } from "../../api/views.ts";
import type { KamachiqEvent } from "../../domain/events.ts";
import { TASK_STATES } from "../../domain/execute.ts";
import { type Screen, renderFrame } from "./frame.ts";
import { initialModel, reduce, type ViewModel } from "./model.ts";
import { printable } from "../../platform/text.ts";
import { width } from "./text.ts";

const START = Date.parse("2026-01-02T03:04:05.000Z");
const at = (seconds: number): string => new Date(START + seconds * 1_000).toISOString();

const project: ProjectView = {
  id: "calculator-7k2m9x",
  name: "calculator",
  state: "running",
  stage: "execute",
  reason: null,
  tenant: "default",
  region: "local",
  sandbox: "bubblewrap",
  created_by: "admin",
  created_at: at(0),
  finished_at: null,
  budget: { limit: 200_000, reserved: 3_000, spent: 12_345 },
  tasks: { total: 6, by_state: {} },
  stages: [],
  repository: null,
  temporal_url: null,
  waiting_for: [],
  result: null,
};

function task(position: number, task_id: string, change: Partial<TaskView> = {}): TaskView {
  return {
    deliverable_id: "calculator",
    task_id,
    position,
    type: "code",
    persona: "developer",
    title: task_id,
    dependencies: [],
    state: "queued",
    attempt: 0,
    agent: null,
    estimated_tokens: 1_000,
    tokens: 0,
    score: null,
    commit: null,
    reason: null,
    started_at: null,
    heartbeat_at: null,
    ended_at: null,
    ...change,
  };
}

const tasks = [
  task(2, "cli", { dependencies: ["scaffold"], state: "running", agent: "template", attempt: 2, started_at: at(3) }),
  task(0, "scaffold", {
    state: "done",
    agent: "template",
    attempt: 1,
    tokens: 1_204,
    score: 0.97,
    started_at: at(1),
    ended_at: at(2.5),
  }),
  task(1, "operations-with-a-very-long-name-that-goes-on", {
    state: "reviewing",
    agent: "template",
    attempt: 1,
    tokens: 15_310,
    started_at: at(2.5),
  }),
  task(3, "tests", { dependencies: ["cli"] }),
  task(4, "docs", {
    state: "failed",
    agent: "template",
    attempt: 3,
    tokens: 99,
    score: 0.31,
    started_at: at(3),
    ended_at: at(5),
  }),
  task(5, "review", { state: "skipped" }),
];

const scored: KamachiqEvent = {
  specversion: "1.0",
  id: "e-7",
  type: "kamachiq.execute.task_completed",
  source: "/kamachiq/projects/calculator-7k2m9x",
  subject: "task/scaffold",
  time: at(2.5),
  datacontenttype: "application/json",
  data: {
    deliverable_id: "calculator",
    task_id: "scaffold",
    type: "code",
    state: "done",
    score: 0.97,
    tokens: 1_204,
    attempts: 1,
    commit: "c0ffee",
  },
  project: "calculator-7k2m9x",
  sequence: 7,
  workflowid: "kamachiq/calculator-7k2m9x",
  runid: "r",
  tenant: "default",
  region: "local",
  traceparent: "00-0-0-01",
};

const model: ViewModel = reduce(reduce(initialModel(project), { kind: "tasks", tasks }), {
  kind: "event",
  event: scored,
});
const screen = (columns: number, rows = 24): Screen => ({
  columns,
  rows,
  now: START + 7_400,
  paint: (_style, text) => text,
});
const show = (columns: number, rows?: number): string => renderFrame(model, screen(columns, rows)).join("\n");

describe("the live view", () => {
  it("fits 80 columns", () => {
    expect(show(80)).toMatchInlineSnapshot(`
      "calculator-7k2m9x                               00:07.4  12,345 / 200,000 tokens
      intake → plan → policy → provision → execute → review → govern → complete

        ✓ done        scaffold                template            1,204  0.97  00:01.5
        ◐ reviewing   operations-with-a-ver…  template           15,310        00:04.9
        ● running       cli                   template    ×2                   00:04.4
        · queued          tests
        ✗ failed      docs                    template    ×3         99  0.31  00:02.0
        – skipped     review

      scaffold  done  score 0.97  1,204 tokens"
    `);
  });

  it("leaves out what matters least at 60 columns", () => {
    expect(show(60)).toMatchInlineSnapshot(`
      "calculator-7k2m9x           00:07.4  12,345 / 200,000 tokens
      stage 5 of 8: execute

        ✓ done        scaffold                1,204  0.97  00:01.5
        ◐ reviewing   operations-wi…         15,310        00:04.9
        ● running     cli             ×2                   00:04.4
        · queued      tests
        ✗ failed      docs            ×3         99  0.31  00:02.0
        – skipped     review

      scaffold  done  score 0.97  1,204 tokens"
    `);
  });

  it("shows running and failed tasks first when there is no room, and counts the rest", () => {
    expect(show(80, 10)).toMatchInlineSnapshot(`
      "calculator-7k2m9x                               00:07.4  12,345 / 200,000 tokens
      intake → plan → policy → provision → execute → review → govern → complete

        ◐ reviewing   operations-with-a-ver…  template           15,310        00:04.9
        ● running       cli                   template    ×2                   00:04.4
        ✗ failed      docs                    template    ×3         99  0.31  00:02.0
        … and 3 more: 1 done, 1 queued, 1 skipped

      scaffold  done  score 0.97  1,204 tokens"
    `);
  });

  it.each([20, 33, 47, 60, 80, 120])("never writes beyond %i columns", (columns) => {
    for (const state of TASK_STATES) {
      const hostile = reduce(model, {
        kind: "tasks",
        tasks: [task(9, "漢字\u001b]0;title\u0007".repeat(9), { state, agent: "エージェント長い名前" })],
      });
      for (const line of renderFrame(hostile, screen(columns))) {
        expect(width(line)).toBeLessThanOrEqual(columns);
        expect(line).toBe(printable(line));
      }
    }
  });

  it("never writes more lines than the screen has", () => {
    const many = Array.from({ length: 10_000 }, (_, index) => task(index, `task-${index}`));
    const large = reduce(initialModel(project), { kind: "tasks", tasks: many });
    expect(renderFrame(large, screen(80, 24)).length).toBeLessThan(24);
  });

  it("takes states from rows only, and an event once", () => {
    const again = reduce(model, { kind: "event", event: scored });
    expect(again).toBe(model);
    expect(model.tasks.get("calculator/cli")?.state).toBe("running");
    const moved = reduce(model, { kind: "tasks", tasks: [task(2, "cli", { state: "merging" })] });
    expect(moved.tasks.get("calculator/cli")?.state).toBe("merging");
    expect([...moved.tasks.keys()]).toEqual([...model.tasks.keys()]);
  });
});
