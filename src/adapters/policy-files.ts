import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../domain/errors.ts";
import type { RuleSet } from "../domain/policy.ts";
import { loadRuleSets, type PolicyEngine, type RuleSetText } from "../domain/policy-engine.ts";
import { canonicalJson, sha256 } from "../platform/digest.ts";

const FILES_MAX = 100;
/** Bytes of one file. */
const FILE_BYTES_MAX = 256 * 1024;
/** The cases of `kamachiq policy test`, beside the rules. */
const CASES_FILE = "cases.yaml";

export interface PolicyFiles {
  /** The rules in force: the last set that could be loaded whole. */
  readonly engine: PolicyEngine;
  /** SHA-256 of the canonical JSON of all rule sets in force, by id. */
  readonly constitution_hash: string;
  /** Reads the folder again. Throws InputError for a bad set, and then the old one stays in force. */
  reload(): Promise<void>;
}

/** Loads the rule sets of a folder (`*.yaml` but for `cases.yaml`). Throws InputError when it has none, or any is bad or too large. */
export async function createPolicyFiles(folder: string): Promise<PolicyFiles> {
  let loaded = await load(folder);
  return {
    get engine() {
      return loaded.engine;
    },
    get constitution_hash() {
      return loaded.constitution_hash;
    },
    async reload() {
      loaded = await load(folder);
    },
  };
}

async function load(folder: string): Promise<Pick<PolicyFiles, "engine" | "constitution_hash">> {
  const engine = loadRuleSets(await readRuleSets(folder));
  return { engine, constitution_hash: constitutionHash(engine.rule_sets) };
}

async function readRuleSets(folder: string): Promise<RuleSetText[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw refusal(`The folder of policies ${folder} can't be read.`, error);
  });
  const files = names.filter((name) => name.endsWith(".yaml") && name !== CASES_FILE).toSorted();
  if (files.length > FILES_MAX) throw refusal(`${folder} has more than ${FILES_MAX} rule sets.`);
  return Promise.all(
    files.map(async (file) => {
      const path = join(folder, file);
      const stat = await lstat(path);
      if (!stat.isFile()) throw refusal(`${path} is not a regular file.`);
      if (stat.size > FILE_BYTES_MAX) throw refusal(`${path} is larger than ${FILE_BYTES_MAX} bytes.`);
      return { file, text: await readFile(path, "utf8") };
    }),
  );
}

function refusal(message: string, cause?: unknown): InputError {
  return new InputError(message, {
    code: "policy_rules_invalid",
    remedy: "Without rules nothing may be allowed; restore the folder `policies`.",
    cause,
  });
}

/** Identifies the rules of a decision, whatever files they came from: SHA-256 of all sets, ordered by id. */
export function constitutionHash(ruleSets: readonly RuleSet[]): string {
  return sha256(canonicalJson(ruleSets.toSorted((a, b) => (a.id < b.id ? -1 : 1))));
}
