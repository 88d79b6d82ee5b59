import { describe, expect, it } from "vitest";
import { EVENT_TYPES, type KamachiqEvent } from "../../domain/events.ts";
import { eventLine } from "./events.ts";
import { plainRenderer } from "./renderer.ts";
import { initialModel } from "./model.ts";
import type { ProjectView } from "../../api/views.ts";

function event(type: KamachiqEvent["type"], data: KamachiqEvent["data"], subject = "task/ops"): KamachiqEvent {
  return {
    specversion: "1.0",
    id: "e",
    type,
    source: "/kamachiq/projects/p",
    subject,
    time: "2026-01-02T03:04:08.200Z",
    datacontenttype: "application/json",
    data,
    project: "p",
    sequence: 1,
    workflowid: "w",
    runid: "r",
    tenant: "default",
    region: "local",
    traceparent: "t",
  };
}

const done = event("kamachiq.execute.task_completed", {
  deliverable_id: "d",
  task_id: "ops",
  type: "code",
  state: "done",
  score: 0.97,
  tokens: 1_204,
  attempts: 1,
  commit: null,
});

describe("events in words", () => {
  it("says what happened in one line", () => {
    expect(eventLine(done)).toBe("execute    ops  done  score 0.97  1,204 tokens");
  });

  it("puts the clock of the project before it when the output is no terminal", () => {
    let written = "";
    const renderer = plainRenderer({ write: (text: string) => (written += text) });
    renderer.event(done, initialModel({ id: "p", created_at: "2026-01-02T03:04:05.000Z" } as ProjectView));
    expect(written).toBe("00:03.2  execute    ops  done  score 0.97  1,204 tokens\n");
  });

  it("survives events whose data a later version wrote", () => {
    for (const type of EVENT_TYPES) expect(() => eventLine(event(type, { new: "shape" }))).not.toThrow();
    expect(eventLine(event("kamachiq.govern.reported", {}))).toBe("govern     task/ops  kamachiq.govern.reported");
  });

  it("keeps quiet about the permission of every single agent, but not about its denial", () => {
    const decision = {
      decision_id: "d",
      allowed: true,
      score: 1,
      threshold: 0.8,
      violations: [],
      constitution_hash: "c",
      input_hash: "i",
      evaluated_at: "2026-01-02T03:04:05.000Z",
    };
    const data = { decision, action: "agent.spawn", subject_id: "ops" };
    expect(eventLine(event("kamachiq.policy.decided", data))).toBeNull();
    const denied = { ...data, decision: { ...decision, allowed: false, score: 0.2 } };
    expect(eventLine(event("kamachiq.policy.decided", denied))).toBe("policy     ops  denied  agent.spawn  score 0.20");
  });
});
