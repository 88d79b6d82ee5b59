// The third and fourth fences around the workflows: what is bundled with them, and that recorded runs replay.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { bundleWorkflowCode, Worker } from "@temporalio/worker";
import { describe, expect, it } from "vitest";
import { ROOT } from "./support/kamachiq.ts";

const HISTORIES = join(ROOT, "test/histories");
const workflowsPath = join(ROOT, "src/workflows/index.ts");

describe("the workflow bundle", () => {
  it("holds no Node module, no adapter and no library that reads a clock", async () => {
    const { code } = await bundleWorkflowCode({ workflowsPath });
    // Names that start with "?" are empty stand-ins for what a package says browsers don't have.
    const modules = [...code.matchAll(/^\/\*\*\*\/ "([^"?][^"]*)"/gm)].map(([, name]) => name as string);
    expect(modules.length).toBeGreaterThan(20);
    const foreign = modules.filter((name) => {
      if (name.startsWith("./src/")) return !/^\.\/src\/(workflows|domain)\//.test(name);
      return !/^\.\/node_modules\/(@temporalio|long|nexus-rpc|ms|protobufjs|@protobufjs|@swc)\b/.test(name);
    });
    expect(foreign).toEqual([]);
  });
});

describe("recorded histories", () => {
  const files = readdirSync(HISTORIES).filter((name) => name.endsWith(".json"));

  it("are there for every workflow", () => {
    for (const name of ["KamachiqProjectWorkflow", "DeliverableWorkflow", "AgentTaskWorkflow", "HumanReviewWorkflow"]) {
      expect(
        files.some((file) => file.includes(name)),
        name,
      ).toBe(true);
    }
  });

  it.each(files)("%s replays", async (file) => {
    const history = JSON.parse(readFileSync(join(HISTORIES, file), "utf8")) as unknown;
    await Worker.runReplayHistory({ workflowsPath }, history, file.replace(/\.json$/, ""));
  });
});
