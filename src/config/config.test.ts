import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { InputError } from "../domain/errors.ts";
import { resolveConfig } from "./config.ts";

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "kamachiq-config-"));
});
afterEach(() => rmSync(home, { recursive: true }));

const write = (text: string): void => writeFileSync(join(home, "config.yaml"), text);
function problems(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    expect((error as InputError).exit_code).toBe(2);
    return (error as InputError).problems;
  }
  throw new Error("was accepted");
}

describe("resolveConfig", () => {
  it("has a default for everything, and is frozen to the bottom", () => {
    const config = resolveConfig({ home }, {});
    expect(config).toMatchObject({
      home,
      server: { host: "127.0.0.1", port: 0 },
      temporal: { address: null, namespace: "default" },
      database: { url: null },
      sandbox: "bubblewrap",
      limits: { max_concurrency: 10, agents_per_worker: 10, graph_nodes: 10_000, graph_edges: 100_000 },
      region: "local",
      principals: { admin: ["admin"], operator: ["operator"], reviewer: ["reviewer"] },
    });
    expect(Object.isFrozen(config.principals["admin"])).toBe(true);
  });

  it("lets an option beat a variable, a variable the file, the file a default", () => {
    write("sandbox: none\nlimits:\n  max_concurrency: 3\n  agents_per_worker: 4\n");
    const config = resolveConfig(
      { home, sandbox: "bubblewrap" },
      { KAMACHIQ_SANDBOX: "none", KAMACHIQ_MAX_CONCURRENCY: "7", KAMACHIQ_GRAPH_NODES: "20" },
    );
    expect(config.sandbox).toBe("bubblewrap");
    expect(config.limits).toEqual({ max_concurrency: 7, agents_per_worker: 4, graph_nodes: 20, graph_edges: 100_000 });
    expect(resolveConfig({ home }, {}).sandbox).toBe("none");
  });

  it("finds home and cache", () => {
    expect(resolveConfig({}, { KAMACHIQ_HOME: home, XDG_CACHE_HOME: "/x" })).toMatchObject({
      home,
      cache: "/x/kamachiq",
    });
    expect(resolveConfig({ home }, { XDG_CACHE_HOME: "relative" }).cache).toMatch(/^\/.*\/\.cache\/kamachiq$/);
    write("cache: components\n");
    expect(resolveConfig({ home }, {}).cache).toBe(join(home, "components"));
    expect(resolveConfig({ home }, { KAMACHIQ_CACHE: "here" }).cache).toBe(join(process.cwd(), "here"));
  });

  it("adds principals and may change a default's roles", () => {
    write("principals:\n  alice: [operator, reviewer]\n  operator: [admin]\n");
    const { principals } = resolveConfig({ home }, {});
    expect(principals).toEqual({
      admin: ["admin"],
      operator: ["admin"],
      reviewer: ["reviewer"],
      alice: ["operator", "reviewer"],
    });
  });

  it("takes a model by provider and name, and its key only by reference", () => {
    const environment = {
      KAMACHIQ_MODEL: "openai/Qwen/Qwen3-8B",
      KAMACHIQ_MODEL_URL: "http://127.0.0.1:8080/v1/",
      KAMACHIQ_MODEL_KEY: "env:SOME_KEY",
    };
    const { model } = resolveConfig({ home }, environment);
    expect(model).toEqual({ name: "openai/Qwen/Qwen3-8B", url: "http://127.0.0.1:8080/v1", key: "env:SOME_KEY" });
    expect(resolveConfig({ home }, {}).model.name).toBeNull();
    const wrong = {
      KAMACHIQ_MODEL: "gpt-5",
      KAMACHIQ_MODEL_URL: "https://me:pass@host/v1",
      KAMACHIQ_MODEL_KEY: "sk-123",
    };
    const found = problems(() => resolveConfig({ home }, wrong));
    expect(found).toHaveLength(3);
    expect(found.join()).not.toMatch(/sk-123|pass@/);
  });

  it("names the line of what the file has wrong", () => {
    write("server:\n  port: 99999\n  hots: x\nprincipals:\n  bob: [king]\n");
    const found = problems(() => resolveConfig({ home }, {}));
    const file = join(home, "config.yaml");
    expect(found).toContainEqual(
      expect.stringContaining(`${file}:2: server.port: must be a whole number from 0 to 65535`),
    );
    expect(found).toContainEqual(expect.stringContaining(`${file}:3: server.hots: is no setting`));
    expect(found).toContainEqual(expect.stringContaining(`${file}:5: principals.bob.0`));
  });

  it("names the variable or option that is wrong, and every one that it doesn't know", () => {
    const environment = {
      KAMACHIQ_PORT: "",
      KAMACHIQ_MAX_CONCURRENCY: "ten",
      KAMACHIQ_SANBOX: "none",
      TEMPORAL_ADDRESS: "nowhere",
    };
    const found = problems(() => resolveConfig({ home, sandbox: "maybe" }, environment));
    expect(new Set(found.map((line) => line.split(":")[0]))).toEqual(
      new Set(["--sandbox", "KAMACHIQ_MAX_CONCURRENCY", "KAMACHIQ_SANBOX", "TEMPORAL_ADDRESS"]),
    );
  });

  it.each([["[1, 2]"], ["server: {port: 1"], ["a: 1\na: 2"], ["server: 5"], ["limits: {max_concurrency: ''}"]])(
    "refuses a file that says %j",
    (text) => {
      write(text);
      expect(problems(() => resolveConfig({ home }, {}))[0]).toContain(`${join(home, "config.yaml")}:`);
    },
  );
});
