// Machines that lack something: a clear error that names it, never a silent substitute.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, describe, expect, it } from "vitest";
import type { KamachiqEvent } from "../src/domain/events.ts";
import { collect, Kamachiq, parseRun } from "./support/kamachiq.ts";
import { expectOnce } from "./support/once.ts";

const kamachiq = await Kamachiq.create();
afterAll(() => kamachiq.dispose());

const spec = (name: string) =>
  kamachiq.file(
    `${name}.yaml`,
    `name: ${name}
goals: [Create Python CLI calculator]
parameters: { package: ${name.replaceAll("-", "_")}, command: ${name}, operations: [add] }
budget: { tokens: 200000 }
`,
  );

describe("a component that can't be had", () => {
  it("stops before anything runs and says what to install", async () => {
    const nowhere = { KAMACHIQ_CACHE: join(kamachiq.folder, "empty-cache"), PIP_NO_INDEX: "1", PIP_FIND_LINKS: "" };
    const outcome = await kamachiq.run(["run", await spec("no-source")], {
      ...nowhere,
      GOPROXY: "off",
      GOFLAGS: "-mod=mod",
    });
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/ruff|bubblewrap|[Tt]emporal/);
    expect(outcome.stderr).toMatch(/→ .*[Ii]nstall/s);
    expect(existsSync(join(kamachiq.home, "postgres"))).toBe(false);
  });
});

describe("a folder that can't be used", () => {
  it("is named in the error", async () => {
    const file = await kamachiq.file("a-file", "not a folder");
    const outcome = await kamachiq.run(["run", await spec("unusable"), "--home", join(file, "home")]);
    expect(outcome.code).not.toBe(0);
    expect(outcome.stderr).toContain(file);
  });
});

describe("no sandbox", () => {
  it("only by explicit choice, and the report says so", async () => {
    const other = await Kamachiq.create();
    try {
      const outcome = await other.run(["run", await spec("bare"), "--sandbox", "none", "--json"]);
      const { events, result } = parseRun(outcome.stdout);
      expect(events[0]?.data["sandbox"], outcome.stderr + outcome.stdout).toBe("none");
      if (result?.state === "delivered") {
        expect(await readFile(join(result.reports_folder ?? "", "completion.md"), "utf8")).toContain("sandbox: `none`");
      } else {
        expect(outcome.code).toBe(4); // the constitution may forbid it
      }
    } finally {
      await other.dispose();
    }
  });
});

/** A small file system of our own for the state folder; null where this user may not mount one. */
function mountSmall(folder: string, megabytes: number): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const small = await Kamachiq.create();
await mkdir(small.home, { recursive: true });
const mounted = mountSmall(small.home, 600);

describe.skipIf(!mounted)("a full disk", () => {
  afterAll(async () => {
    await small.run(["down"]);
    execFileSync("umount", ["-l", small.home]);
    await rm(small.folder, { recursive: true, force: true });
  });

  it("in the middle of a run: nothing is lost, and the run goes on when there is room again", async () => {
    const child = small.start(["run", await spec("full-disk"), "--json"]);
    const outcome = collect(child);
    const filler = join(small.home, "filler");
    await new Promise<void>((resolve, reject) => {
      if (child.stdout === null) throw new Error("no output to read");
      createInterface({ input: child.stdout }).on("line", (line) => {
        if ((JSON.parse(line) as KamachiqEvent).type === "kamachiq.execute.task_produced") resolve();
      });
      child.once("close", () => reject(new Error("the run ended before it produced anything")));
    });
    await writeFile(filler, Buffer.alloc(700_000_000)).catch(() => {}); // until the disk is full
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    await rm(filler);
    let last = await outcome;
    if (last.code !== 0) last = await small.run(["run", await spec("full-disk"), "--json"]); // the same command again
    const { result } = parseRun(last.stdout);
    expect(result?.state, last.stderr + last.stdout.slice(-2_000)).toBe("delivered");
    await expectOnce(small, result?.project_id ?? "");
  });
});
