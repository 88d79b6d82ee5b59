import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, Connection } from "@temporalio/client";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { NotFoundError } from "../domain/errors.ts";
import { openDatabase, openPool } from "../persistence/database.ts";
import { type Api, createApi } from "./app.ts";
import type { Problem } from "./problem.ts";
import { createLogFiles } from "./log-files.ts";

const TOKENS = { admin: "a".repeat(32), operator: "o".repeat(32), reviewer: "r".repeat(32) };
const digest = (token: string): string => createHash("sha256").update(token).digest("hex");
const SPEC = { name: "calc", goals: ["add"], budget: { tokens: 1_000 } };

const noCapsule = (): Promise<never> => Promise.reject(new NotFoundError("capsule", "any"));

let folder: string;
let api: Api;

/** The real application, with a database and a Temporal server that are not there. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kamachiq-api-"));
  const pool = openPool({ host: folder, user: "nobody", database: "none" }, 2);
  api = createApi({
    db: openDatabase(pool),
    pool,
    temporal: new Client({ connection: Connection.lazy({ address: "127.0.0.1:1" }) }),
    principals: (["admin", "operator", "reviewer"] as const).map((name) => ({
      name,
      roles: [name],
      token_digest: digest(TOKENS[name]),
    })),
    artifacts: {
      put: () => Promise.reject(new Error("nothing is written here")),
      get: (ref) => Promise.reject(new NotFoundError("artifact", ref.digest)),
      getJson: (ref) => Promise.reject(new NotFoundError("artifact", ref.digest)),
    },
    logs: createLogFiles(folder),
    settings: {
      version: "1.2.3",
      sandbox: "bubblewrap",
      max_concurrency: 10,
      regions: ["local"],
      temporal_ui: null,
      temporal_namespace: "default",
      hosts: ["127.0.0.1", "localhost", "[::1]"],
    },
    log: pino({ level: "silent" }),
    previewPlan: () => Promise.reject(new NotFoundError("capsule", "any")),
    capsules: { list: noCapsule, get: noCapsule, of: () => ({ list: noCapsule, get: noCapsule }) },
    checkCapsule: () => {
      throw new NotFoundError("capsule", "any");
    },
  });
});
afterAll(async () => {
  api.close();
  await rm(folder, { recursive: true, force: true });
});

function call(path: string, init: RequestInit & { as?: keyof typeof TOKENS } = {}): Promise<Response> {
  const headers = new Headers({ host: "127.0.0.1:4000", "content-type": "application/json" });
  if (init.as !== undefined) headers.set("authorization", `Bearer ${TOKENS[init.as]}`);
  for (const [name, value] of new Headers(init.headers)) headers.set(name, value);
  return Promise.resolve(api.app.request(path, { ...init, headers }));
}

async function problem(response: Promise<Response>): Promise<Problem> {
  const answer = await response;
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  const document = (await answer.json()) as Problem;
  expect(document.status).toBe(answer.status);
  return document;
}

const post = (body: unknown): RequestInit => ({
  method: "POST",
  body: typeof body === "string" ? body : JSON.stringify(body),
});

describe("who may do what", () => {
  it("answers health and its own description to everyone", async () => {
    expect(await (await call("/healthz")).json()).toEqual({ status: "ok", version: "1.2.3", pid: process.pid });
    expect((await call("/openapi.json")).status).toBe(200);
  });

  it("wants a known token for everything else", async () => {
    const tries = ["", "Bearer", `Bearer ${"x".repeat(32)}`, `Basic ${TOKENS.admin}`, `Bearer ${digest(TOKENS.admin)}`];
    for (const authorization of tries) {
      const answer = call("/v1/whoami", { headers: { authorization } });
      expect(await problem(answer)).toMatchObject({ status: 401, code: "unauthenticated" });
      expect((await answer).headers.get("www-authenticate")).toContain("Bearer");
    }
    expect(await problem(call("/v1/there/is/none"))).toMatchObject({ status: 401 });
    expect(await (await call("/v1/whoami", { as: "reviewer" })).json()).toEqual({
      name: "reviewer",
      roles: ["reviewer"],
    });
  });

  it("lets operators run projects and reviewers decide, and admins both", async () => {
    const review = "/v1/reviews/r/decision";
    const decision = post({ decision: "approve" });
    const refused = { status: 403, code: "forbidden" };
    expect(await problem(call("/v1/projects", { ...post({ spec: SPEC }), as: "reviewer" }))).toMatchObject(refused);
    expect(await problem(call("/v1/projects/p/cancel", { ...post({}), as: "reviewer" }))).toMatchObject(refused);
    expect(await problem(call("/v1/kamachiq/requeue/q/resolve", { ...post({}), as: "reviewer" }))).toMatchObject(
      refused,
    );
    expect(await problem(call(review, { ...decision, as: "operator" }))).toMatchObject(refused);
    for (const as of ["reviewer", "admin"] as const) {
      expect(await problem(call(review, { ...decision, as }))).toMatchObject({ status: 503, retryable: true });
    }
  });

  it("answers under its own names only", async () => {
    for (const host of ["evil.example", "127.0.0.1.evil.example:80", ""]) {
      expect(await problem(call("/healthz", { headers: { host } }))).toMatchObject({ status: 421 });
    }
    for (const host of ["localhost:1", "LOCALHOST", "[::1]:8080"]) {
      expect((await call("/healthz", { headers: { host } })).status).toBe(200);
    }
  });
});

describe("what is refused", () => {
  const as = "operator";

  it("names every wrong field", async () => {
    const body = { spec: { ...SPEC, goals: [], budget: { tokens: -1 }, colour: 1 }, dry: true };
    const { status, code, problems } = await problem(call("/v1/projects", { ...post(body), as }));
    expect({ status, code }).toEqual({ status: 422, code: "request_invalid" });
    expect(problems?.join("\n")).toMatch(/spec\.goals: [\s\S]*spec\.budget\.tokens: [\s\S]*colour[\s\S]*dry/);
  });

  it("wants JSON, and not much of it", async () => {
    expect(await problem(call("/v1/projects", { ...post("{"), as }))).toMatchObject({
      status: 422,
      code: "bad_request",
    });
    const headers = { "content-type": "text/plain" };
    expect(await problem(call("/v1/projects", { ...post("{}"), headers, as }))).toMatchObject({ status: 415 });
    const large = post(`{"spec": "${"x".repeat(8_500_001)}"}`);
    expect(await problem(call("/v1/projects", { ...large, as }))).toMatchObject({
      status: 413,
      code: "body_too_large",
    });
  });

  it("knows what it can't run", async () => {
    const spec = { ...SPEC, max_concurrency: 11, region: "moon" };
    const { problems } = await problem(call("/v1/plans", { ...post({ spec }), as }));
    expect(problems).toEqual([
      "max_concurrency: at most 10 here, and the spec asks for 11",
      'region: no worker serves "moon" here, only local',
    ]);
    const none = post({ spec: SPEC, sandbox: "none" });
    expect(await problem(call("/v1/projects", { ...none, as }))).toMatchObject({ status: 409, code: "conflict" });
  });

  it("refuses unknown query parameters, ids that are none, and overrides without a reason", async () => {
    expect(await problem(call("/v1/projects?colour=red", { as }))).toMatchObject({ status: 422 });
    expect(await problem(call("/v1/projects?limit=100000", { as }))).toMatchObject({ status: 422 });
    expect(await problem(call("/v1/projects/..%2Fetc", { as }))).toMatchObject({ status: 422 });
    const override = call("/v1/kamachiq/requeue/q/resolve", { ...post({ allow: true }), as });
    expect((await problem(override)).problems).toEqual(["reason: an override needs a reason"]);
    expect(await problem(call("/nowhere", { as }))).toMatchObject({ status: 404, code: "not_found" });
  });

  it("passes on what planning refuses", async () => {
    expect(await problem(call("/v1/plans", { ...post({ spec: SPEC }), as }))).toMatchObject({ status: 404 });
  });
});

describe("without its servers", () => {
  it("says that it may pass", async () => {
    const answer = call("/v1/projects", { as: "operator" });
    expect(await problem(answer)).toMatchObject({ status: 503, code: "transient", retryable: true });
    expect((await answer).headers.get("retry-after")).toBe("1");
  });

  it("is alive but not ready", async () => {
    const answer = await call("/readyz");
    expect(answer.status).toBe(503);
    expect(await answer.json()).toEqual({ database: "away", temporal: "away", temporal_ui: null });
  });
});

describe("its description", () => {
  it("is OpenAPI 3.1 with every route, the problem type and the token", async () => {
    const document = (await (await call("/openapi.json")).json()) as {
      openapi: string;
      paths: Record<string, Record<string, { responses: Record<string, { content?: object }> }>>;
      components: { schemas: object; securitySchemes: object };
    };
    expect(document.openapi).toBe("3.1.0");
    expect(Object.keys(document.paths).toSorted()).toMatchInlineSnapshot(`
      [
        "/healthz",
        "/readyz",
        "/v1/capsules",
        "/v1/capsules/{id}",
        "/v1/installations",
        "/v1/installations/{id}/rollback",
        "/v1/kamachiq/requeue",
        "/v1/kamachiq/requeue/{id}/resolve",
        "/v1/plans",
        "/v1/plans/execute",
        "/v1/projects",
        "/v1/projects/{id}",
        "/v1/projects/{id}/approve-plan",
        "/v1/projects/{id}/artifacts",
        "/v1/projects/{id}/cancel",
        "/v1/projects/{id}/events",
        "/v1/projects/{id}/graph",
        "/v1/projects/{id}/logs",
        "/v1/projects/{id}/pause",
        "/v1/projects/{id}/plan",
        "/v1/projects/{id}/release-notes",
        "/v1/projects/{id}/report",
        "/v1/projects/{id}/resume",
        "/v1/projects/{id}/revise-plan",
        "/v1/projects/{id}/tasks",
        "/v1/reviews",
        "/v1/reviews/{id}",
        "/v1/reviews/{id}/decision",
        "/v1/templates",
        "/v1/templates/import",
        "/v1/templates/{id}/instantiate",
        "/v1/whoami",
        "/v1/workflows",
        "/v1/workflows/{id}",
      ]
    `);
    for (const [path, methods] of Object.entries(document.paths)) {
      if (path === "/readyz") continue;
      for (const { responses } of Object.values(methods)) {
        expect(Object.keys(responses["default"]?.content ?? {})).toEqual(["application/problem+json"]);
      }
    }
    expect(document.components.securitySchemes).toEqual({ token: { type: "http", scheme: "bearer" } });
    expect(JSON.stringify(document)).not.toContain("#/$defs/");
  });
});

describe("log files", () => {
  it("are read on from where one stopped, without half lines", async () => {
    const logs = createLogFiles(folder);
    expect(await logs.read("none", { after: 0, limit: 10 })).toEqual({ lines: [], next: 0, more: false });
    const path = join(folder, "p.ndjson");
    await writeFile(path, '{"msg":"é1"}\nnot json\n{"msg":"2"}\n{"msg":"half');
    const first = await logs.read("p", { after: 0, limit: 1 });
    expect(first).toEqual({ lines: [{ msg: "é1" }], next: 14, more: true });
    const second = await logs.read("p", { after: first.next, limit: 10 });
    expect(second).toMatchObject({ lines: [{ msg: "2" }], more: false });
    await writeFile(path, '{"msg":"é1"}\nnot json\n{"msg":"2"}\n{"msg":"half and half"}\n');
    expect((await logs.read("p", { after: second.next, limit: 10 })).lines).toEqual([{ msg: "half and half" }]);
  });
});
