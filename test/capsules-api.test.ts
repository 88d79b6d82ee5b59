// The capsule repository against a real PostgreSQL: what is published stays, what is installed can be rolled back.
import { mkdtempSync, rmSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readCapsuleFiles } from "../src/adapters/capsule-files.ts";
import { loadCapsules } from "../src/adapters/capsule-library.ts";
import { createCapsuleRepository } from "../src/adapters/capsule-repository.ts";
import { writeSkeleton } from "../src/adapters/capsule-skeleton.ts";
import type { CapsuleDetail, CapsuleView, InstallationView, TemplateView } from "../src/api/capsule-views.ts";
import type { PlanView, ProjectView } from "../src/api/views.ts";
import type { ApiClient } from "../src/cli/api-client.ts";
import type { CapsuleContent } from "../src/domain/capsule.ts";
import { KamachiqError } from "../src/domain/errors.ts";
import type { Plan } from "../src/domain/plan.ts";
import { startTestApi, type TestApi } from "./support/api.ts";

interface List<T> {
  items: T[];
  next: number | null;
}

const folder = mkdtempSync(join(tmpdir(), "capsules-api-"));
let api: TestApi;
let operator: ApiClient;
beforeAll(async () => {
  api = await startTestApi();
  operator = api.client("operator");
});
afterAll(async () => {
  await api?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** A capsule as `capsule new` writes it. */
async function skeleton(id: string): Promise<CapsuleContent> {
  await writeSkeleton(id, folder);
  return readCapsuleFiles(join(folder, `${id}.yaml`));
}

function versioned(content: CapsuleContent, version: string, greeting = "Hello"): CapsuleContent {
  const yaml = content.yaml.replace("version: 0.1.0", `version: ${version}`);
  return { ...content, yaml: yaml.replace("default: Hello", `default: ${greeting}`) };
}

const publish = (content: CapsuleContent, key?: string): Promise<CapsuleView> =>
  operator.post<CapsuleView>("/v1/capsules", content, key === undefined ? {} : { "idempotency-key": key });
const install = (capsule: string, version?: string, tenant = "default"): Promise<InstallationView> =>
  operator.post<InstallationView>("/v1/installations", { tenant, capsule, version });
const rollback = (id: string): Promise<InstallationView> =>
  operator.post<InstallationView>(`/v1/installations/${id}/rollback`);
const planOf = async (capsule: string, tenant = "default"): Promise<Plan> => {
  const spec = { name: "greet", goals: ["Greet"], capsule, tenant, budget: { tokens: 100_000 } };
  return (await operator.post<PlanView>("/v1/plans", { spec })).plan;
};

async function refused(work: Promise<unknown>): Promise<KamachiqError> {
  const error: unknown = await work.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(KamachiqError);
  return error as KamachiqError;
}

describe("publishing", () => {
  it("takes a version once, and never another content for it", async () => {
    const content = await skeleton("greeter");
    const first = await publish(content, "publish-greeter");
    expect(first).toMatchObject({ id: "greeter", version: "0.1.0", origin: "published", published_by: "operator" });
    expect(first.in_force).toBe(false);
    expect(await publish(content, "publish-greeter")).toEqual(first);
    expect(await publish(content)).toEqual(first);
    const other = await refused(publish(versioned(content, "0.1.0", "Hi")));
    expect(other).toMatchObject({ code: "conflict", status: 409 });
    expect(other.message).toContain(`is published with another content (${first.digest.slice(0, 12)})`);
    const rows = await api.db.selectFrom("capsules").selectAll().where("id", "=", "greeter").execute();
    expect(rows).toHaveLength(1);
  });

  it("is an operator's, and refuses what is not valid or pretends to come with the product", async () => {
    const content = await skeleton("strict");
    expect(await refused(api.client("reviewer").post("/v1/capsules", content))).toMatchObject({ status: 403 });
    const yaml = (change: (text: string) => string): CapsuleContent => ({ ...content, yaml: change(content.yaml) });
    const cases: [CapsuleContent, RegExp][] = [
      [yaml((text) => text.replace("stack: python", "stack: cobol")), /capsule\.yaml:7: stack: there is no evaluator/],
      [yaml((text) => text.replace("greets]\n    success", "sings]\n    success")), /has the check "sings"/],
      [yaml((text) => text.replace("type: delivery", "type: planner")), /only delivery capsules can be published/],
      [yaml((text) => text.replace("type: object", "type: thing")), /parameters: is no JSON Schema/],
      [
        yaml((text) =>
          text
            .replace(
              "pattern: ^[A-Za-z ]{1,40}$",
              "pattern: ^(([a-zA-Z]+)+)+$\n      default: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1",
            )
            .replace("      default: Hello\n", ""),
        ),
        /takes more than 1000 ms/,
      ],
      [
        { ...content, templates: { ...content.templates, "../../etc/passwd": "x" } },
        /templates\.\.\.\/\.\.\/etc\/passwd: Invalid key/,
      ],
      [
        {
          ...content,
          templates: { ...content.templates, "readme.md.liquid": "{% for i in (1..100000000) %}x{% endfor %}" },
        },
        /memory alloc limit|render limit/,
      ],
      [{ ...content, templates: { ...content.templates, "readme.md.liquid": "{% render '/etc/passwd' %}" } }, /passwd/],
      [{ ...content, templates: {} }, /template "scaffold\/gitignore\.liquid" is not there/],
      [yaml((text) => text.replace("__init__.py", "../../__init__.py")), /no path below the repository/],
      [
        yaml((text) =>
          text.replace('["strict"]', "[python]").replace("capabilities:", "capabilities:\n  - [cli]\n  - [calculator]"),
        ),
        /asks for python_cli just as much/,
      ],
    ];
    for (const [hostile, problem] of cases) {
      const error = await refused(publish(hostile));
      expect.soft([error.status, error.problems.join("\n")]).toEqual([422, expect.stringMatching(problem)]);
    }
    const disguised = yaml((text) => text.replace("id: strict", "id: kamachiq_project_planner"));
    expect(await refused(publish(disguised))).toMatchObject({ status: 409 });
    const large = { ...content, templates: Object.fromEntries(Array.from({ length: 501 }, (_, n) => [`t${n}`, ""])) };
    expect((await refused(publish(large))).problems.join()).toMatch(/at most 500 templates/);
    expect(await api.db.selectFrom("capsules").selectAll().where("id", "=", "strict").execute()).toEqual([]);
  });
});

describe("installations", () => {
  it("put a version in force for one tenant, keep history, and go back", async () => {
    const content = await skeleton("stepwise");
    expect(await refused(install("stepwise"))).toMatchObject({ status: 404 });
    for (const version of ["1.0.0", "2.0.0", "10.0.0"]) await publish(versioned(content, version));
    expect(await refused(planOf("stepwise"))).toMatchObject({ code: "no_capsule" });

    const first = await install("stepwise", "1.0.0");
    expect(first).toMatchObject({ sequence: 1, in_force: true, installed_by: "operator", restores: null });
    const [planned] = (await planOf("stepwise")).deliverables;
    expect(planned).toMatchObject({ capsule: "stepwise", capsule_version: "1.0.0", capsule_digest: first.digest });
    expect(await refused(planOf("stepwise", "other"))).toMatchObject({ code: "no_capsule" });

    const second = await install("stepwise", "2.0.0");
    const newest = await install("stepwise");
    expect(newest).toMatchObject({ version: "10.0.0", sequence: 3 });
    expect(await install("stepwise")).toEqual(newest);
    expect(await refused(rollback(second.id))).toMatchObject({ status: 409 });
    expect(await rollback(newest.id)).toMatchObject({ version: "2.0.0", sequence: 4, restores: 2 });
    const { items } = await operator.get<List<InstallationView>>("/v1/installations", { capsule: "stepwise" });
    expect(items.map(({ version, in_force }) => [version, in_force])).toEqual([
      ["2.0.0", true],
      ["10.0.0", false],
      ["2.0.0", false],
      ["1.0.0", false],
    ]);
    const back = await rollback(items[0]?.id ?? "");
    expect(back).toMatchObject({ version: "1.0.0", restores: 1 });
    expect(await refused(rollback(back.id))).toMatchObject({ status: 409 });
    expect((await planOf("stepwise")).deliverables[0]?.capsule_version).toBe("1.0.0");
  });

  it("never change what a plan was made with", async () => {
    const content = await skeleton("pinned");
    await publish(versioned(content, "1.0.0"));
    await publish(versioned(content, "1.1.0", "Hi"));
    await install("pinned", "1.0.0");
    const plan = await planOf("pinned");
    await install("pinned", "1.1.0");
    const spec = { name: "greet", goals: ["Greet"], capsule: "pinned", budget: { tokens: 100_000 } };
    const view = await operator.post<PlanView>("/v1/plans/execute", { spec, plan, dry_run: true });
    expect(view.plan).toEqual(plan);
    const foreign = { spec: { ...spec, tenant: "other" }, plan, dry_run: true };
    expect((await refused(operator.post("/v1/plans/execute", foreign))).problems.join()).toMatch(
      /There is no capsule "pinned 1\.0\.0"/,
    );
    const bare = { ...plan, deliverables: plan.deliverables.map((one) => ({ ...one, capsule_digest: undefined })) };
    expect((await refused(operator.post("/v1/plans/execute", { spec, plan: bare }))).problems.join()).toMatch(
      /capsule_digest/,
    );
  });

  it("happen one after the other, however many come at once", async () => {
    const content = await skeleton("busy");
    const versions = ["1.0.0", "1.0.1", "1.0.2", "1.0.3"];
    await Promise.all(versions.map((version) => publish(versioned(content, version))));
    await Promise.all([...versions, ...versions].map((version) => install("busy", version)));
    const rows = await api.db
      .selectFrom("installations")
      .select("sequence")
      .where("capsule_id", "=", "busy")
      .orderBy("sequence")
      .execute();
    expect(rows.map(({ sequence }) => sequence)).toEqual(rows.map((_, index) => index + 1));
  });

  it("are refused for a capsule that uses what the tenant has not", async () => {
    const part = await skeleton("part");
    const whole = {
      templates: {},
      yaml: "id: whole\nversion: 1.0.0\nsummary: Of parts\ntype: delivery\npersona: developer\nuses:\n  - { id: one, capsule: part }\n",
    };
    expect((await refused(publish(whole))).problems.join()).toMatch(/uses the capsule "part", which is not there/);
    await publish(part);
    await install("part");
    await publish(whole);
    await install("whole");
    expect((await planOf("whole")).deliverables[0]).toMatchObject({ id: "greet-one", capsule: "part" });
    expect(await refused(install("whole", "1.0.0", "other"))).toMatchObject({ code: "capsules_unfit" });
    const circle = {
      ...whole,
      yaml: whole.yaml.replace("id: whole", "id: part").replace("capsule: part", "capsule: whole"),
    };
    expect((await refused(publish(circle))).problems.join()).toMatch(/uses itself: /);
  });
});

describe("capsules that come with the product", () => {
  it("stay what plans were made with when their files change, also after a restart", async () => {
    const shipped = join(folder, "shipped");
    await writeSkeleton("own", shipped);
    const open = () => createCapsuleRepository(api.db, () => loadCapsules(shipped));
    const before = await open().of("default").get("own");
    const template = join(shipped, "own/readme.md.liquid");
    await appendFile(template, "\nChanged.\n");

    const restarted = open();
    const after = await restarted.of("default").get("own");
    expect(after.digest).not.toBe(before.digest);
    for (const library of [restarted, restarted.of("default")]) {
      const kept = await library.get("own", "0.1.0", before.digest);
      expect(kept).toEqual(before);
      expect(kept.templates.get("readme.md.liquid")).not.toContain("Changed");
      expect((await library.get("own", "0.1.0", after.digest)).digest).toBe(after.digest);
      await expect(library.get("own", "0.1.0", "0".repeat(64))).rejects.toThrow(/There is no capsule/);
      await expect(library.get("other", "0.1.0", before.digest)).rejects.toThrow(/There is no capsule/);
    }
    rmSync(shipped, { recursive: true });
    const gone = createCapsuleRepository(api.db, () => Promise.resolve([]));
    expect((await gone.get("own", "0.1.0", before.digest)).digest).toBe(before.digest);
  });

  it("are told apart from what somebody changed in the database", async () => {
    const { digest } = await publish(await skeleton("tampered"));
    const content = JSON.stringify({ yaml: "id: evil", templates: {} });
    await api.db.updateTable("capsule_contents").set({ content }).where("digest", "=", digest).execute();
    const fresh = createCapsuleRepository(api.db, () => Promise.resolve([]));
    await expect(fresh.get("tampered", "0.1.0", digest)).rejects.toThrow(/was changed in the database/);
    await api.db.deleteFrom("capsules").where("digest", "=", digest).execute();
  });
});

describe("the list", () => {
  it("has the product's own and the published ones, in pages, and shows each in full", async () => {
    const all = await operator.get<List<CapsuleView>>("/v1/capsules", { limit: 1_000 });
    const own = all.items.find(({ id }) => id === "python_cli");
    expect(own).toMatchObject({ origin: "product", in_force: true, published_by: null });
    const paged: CapsuleView[] = [];
    for (let after: number | null = 0; after !== null;) {
      const page: List<CapsuleView> = await operator.get("/v1/capsules", { limit: 3, after });
      paged.push(...page.items);
      after = page.next;
    }
    expect(paged).toEqual(all.items);
    const detail = await operator.get<CapsuleDetail>("/v1/capsules/stepwise", { version: "10.0.0" });
    expect(detail).toMatchObject({ version: "10.0.0", in_force: false, capsule: { id: "stepwise" } });
    expect(detail.versions.map(({ version }) => version)).toEqual(["10.0.0", "2.0.0", "1.0.0"]);
    expect((await operator.get<CapsuleDetail>("/v1/capsules/stepwise")).version).toBe("1.0.0");
    expect(await refused(operator.get("/v1/capsules/nothing"))).toMatchObject({ status: 404 });
  });
});

describe("templates", () => {
  const deliverable = {
    id: "api-svc",
    persona: "developer_backend.v2",
    tools: ["git", "python"],
    budget_tokens: 60_000,
    dependencies: [],
    capsule: "python_cli",
    parameters: { operations: ["add"] },
  };
  const planner_output = { deliverables: [deliverable, { ...deliverable, id: "web", dependencies: ["api-svc"] }] };
  const body = { name: "pair", goals: ["Create Python CLI calculator"], budget: { tokens: 200_000 } };

  it("are kept by name and tenant, and become projects", async () => {
    const kept = await operator.post<TemplateView>("/v1/templates/import", { name: "two", planner_output });
    expect(kept).toMatchObject({ name: "two", tenant: "default", imported_by: "operator" });
    expect(await refused(operator.post("/v1/templates/import", { name: "two", planner_output }))).toMatchObject({
      status: 409,
    });
    await operator.post("/v1/templates/import", { name: "two", tenant: "other", planner_output });
    const { items } = await operator.get<List<TemplateView>>("/v1/templates");
    expect(items).toEqual([kept]);

    const path = `/v1/templates/${kept.id}/instantiate`;
    const parameters = { web: { operations: ["subtract"] } };
    const dry = await operator.post<PlanView>(path, { ...body, parameters, dry_run: true });
    expect(dry.plan.deliverables.map((one) => one.parameters["operations"])).toEqual([["add"], ["subtract"]]);
    const headers = { "idempotency-key": "pair-1" };
    const project = await operator.post<ProjectView>(path, { ...body, parameters }, headers);
    expect(await operator.post<ProjectView>(path, { ...body, parameters }, headers)).toMatchObject({ id: project.id });
    const row = await api.db.selectFrom("projects").selectAll().where("id", "=", project.id).executeTakeFirstOrThrow();
    expect(row.plan?.digest).toBe(dry.digest);
  });

  it("refuse what they can't become", async () => {
    const { items } = await operator.get<List<TemplateView>>("/v1/templates");
    const path = `/v1/templates/${items[0]?.id}/instantiate`;
    const spec = { ...body, tenant: "other" };
    expect(await refused(operator.post(path, { spec }))).toMatchObject({ status: 404 });
    expect(await refused(operator.post(path, { ...body, spec: body }))).toMatchObject({ status: 422 });
    expect(await refused(operator.post(path, { name: "pair" }))).toMatchObject({ status: 422 });
    expect((await refused(operator.post(path, { ...body, parameters: { nobody: {} } }))).problems.join()).toMatch(
      /parameters\.nobody: no such deliverable; there are: api-svc, web/,
    );
    const none = "/v1/templates/00000000-0000-4000-8000-000000000000/instantiate";
    expect(await refused(operator.post(none, body))).toMatchObject({ status: 404 });
  });
});
