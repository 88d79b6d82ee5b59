import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { InputError } from "../domain/errors.ts";
import { watchCapsuleFolder } from "./capsule-folder.ts";
import { writeSkeleton } from "./capsule-skeleton.ts";

/** As long as a change may stay unseen, in milliseconds. */
const SEEN_MS = 1_050;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "capsule-folder-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("sees changes while it is used, and keeps what was valid when one is not", async () => {
  await writeSkeleton("first", folder);
  const problems: unknown[] = [];
  const capsules = watchCapsuleFolder(folder, (error) => problems.push(error));
  const before = await capsules();
  expect(before.map(({ capsule }) => capsule.id)).toEqual(["first"]);
  expect(await capsules()).toBe(before);

  await writeSkeleton("second", folder);
  await sleep(SEEN_MS);
  const [one, two] = await Promise.all([capsules(), capsules()]);
  expect(one).toBe(two);
  expect(one.map(({ capsule }) => capsule.id)).toEqual(["first", "second"]);

  appendFileSync(join(folder, "first.yaml"), "colour: red\n");
  for (let times = 0; times < 2; times++) {
    await sleep(SEEN_MS);
    expect(await capsules()).toBe(one);
  }
  expect(problems).toHaveLength(1);
  expect((problems[0] as InputError).problems.join()).toMatch(/first\.yaml:\d+: colour: unknown field/);
});

it("fails when nothing was valid yet, and not for ever", async () => {
  writeFileSync(join(folder, "bad.yaml"), "id: bad\n");
  const capsules = watchCapsuleFolder(folder, () => {});
  await expect(capsules()).rejects.toThrow(InputError);
  rmSync(join(folder, "bad.yaml"));
  expect(await capsules()).toEqual([]);
});
