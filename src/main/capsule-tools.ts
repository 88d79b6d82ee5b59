import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createTemplateAgent } from "../adapters/agent-template.ts";
import { capsuleFindings, type Surroundings } from "../adapters/capsule-check.ts";
import { locate, readCapsule } from "../adapters/capsule-content.ts";
import { examineFiles, loadCapsule, readCapsuleFiles } from "../adapters/capsule-files.ts";
import { libraryOf, loadCapsules } from "../adapters/capsule-library.ts";
import { writeSkeleton } from "../adapters/capsule-skeleton.ts";
import { testCapsule } from "../adapters/capsule-tester.ts";
import { createCapsulePlanner } from "../adapters/planner-capsule.ts";
import { createCapsuleRenderer } from "../adapters/renderer-capsule.ts";
import { createNoSandbox } from "../adapters/sandbox-none.ts";
import type { CapsuleTools } from "../cli/deps.ts";
import type { Capsule, CapsuleContent, LoadedCapsule } from "../domain/capsule.ts";
import { InputError } from "../domain/errors.ts";
import { isId } from "../domain/ids.ts";
import { resolveConfig } from "../config/config.ts";
import { findNodeTools } from "../stack/component-node.ts";
import { ensureComponents } from "../stack/components.ts";
import { createDependencyInstaller } from "../stack/dependencies.ts";
import { createSandbox } from "./sandbox.ts";
import { createEvaluators } from "./evaluators.ts";
import { CAPSULES } from "./paths.ts";

/** What authors of capsules need, without a server. */
export const capsuleTools: CapsuleTools = {
  async create(id, folder) {
    if (!isId(id))
      throw new InputError(`"${id}" can't be an id: 1 to 64 of a-z, 0-9, ".", "_", "-".`, { code: "id_invalid" });
    return writeSkeleton(id, folder);
  },

  async validate(path) {
    const file = resolve(path);
    try {
      const { loaded, problems } = await examineFiles(file);
      const findings = capsuleFindings(loaded, await surroundings(), { render: problems.length === 0 });
      problems.push(...locate(findings, loaded.yaml, file));
      const { id, version, tests } = loaded.capsule;
      return { file, id, version, digest: loaded.digest, tests: tests.length, problems };
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return { file, id: null, version: null, digest: null, tests: 0, problems: error.problems };
    }
  },

  async test(target, { home, progress, signal }) {
    const loaded = await find(target);
    const findings = capsuleFindings(loaded, await surroundings());
    if (findings.length > 0) {
      throw new InputError(`The capsule ${loaded.capsule.id} is not valid.`, {
        code: "capsule_invalid",
        problems: locate(findings, loaded.yaml, `${loaded.capsule.id}.yaml`),
        remedy: "`kamachiq capsule validate PATH` says the same; mend it first.",
      });
    }
    const own = (await loadCapsules(CAPSULES)).filter(({ capsule }) => capsule.id !== loaded.capsule.id);
    const library = libraryOf([...own, loaded]);
    const config = resolveConfig({ home });
    const components = await ensureComponents(config, progress);
    const sandbox = createSandbox(config, components);
    await sandbox.check();
    const scratch = await mkdtemp(join(tmpdir(), "kamachiq-capsule-"));
    try {
      const cases = await testCapsule(loaded, {
        library,
        planner: createCapsulePlanner(library),
        agent: createTemplateAgent(),
        renderer: createCapsuleRenderer(),
        evaluators: createEvaluators({ sandbox, python: components.python, node: await findNodeTools() }),
        dependencies: createDependencyInstaller({ cache: config.cache, python: components.python }),
        scratch,
        signal,
      });
      const { id, version } = loaded.capsule;
      return {
        id,
        version,
        digest: loaded.digest,
        passed: cases.every(({ problems }) => problems.length === 0),
        cases,
      };
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  },

  async read(path) {
    await loadCapsule(resolve(path)); // what is not valid is told with its lines, before anything is sent
    return readCapsuleFiles(resolve(path));
  },
};

/** A path to a capsule's YAML, or the id of one that comes with the product. */
async function find(target: string): Promise<LoadedCapsule> {
  if (!target.endsWith(".yaml") && isId(target)) return libraryOf(await loadCapsules(CAPSULES)).get(target);
  return loadCapsule(resolve(target));
}

async function surroundings(): Promise<Surroundings> {
  const others = await libraryOf(await loadCapsules(CAPSULES)).list();
  return { others, checks: knownChecks() };
}

/** The checks of every stack. These evaluators only say what they know; they grade nothing. */
function knownChecks(): Surroundings["checks"] {
  const python = { python: "", bin: "", readOnlyPaths: [] };
  const node = { node: "", tsc: "", oxlint: "", oxfmt: "", parser: "", readOnlyPaths: [] };
  const evaluators = createEvaluators({ sandbox: createNoSandbox(), python, node });
  return new Map(evaluators.map(({ stack, checks }) => [stack, checks]));
}

/**
 * What publishing looks at: a content that came from outside, beside the capsules that are there. Throws InputError
 * `capsule_invalid` with every problem.
 */
export function checkPublished(content: CapsuleContent, others: readonly Capsule[]): LoadedCapsule {
  const file = "capsule.yaml";
  const loaded = readCapsule(content, file);
  const problems = [
    ...(loaded.capsule.type === "delivery"
      ? []
      : [
          {
            path: ["type"],
            problem: "type: only delivery capsules can be published; the others come with the product",
          },
        ]),
    ...capsuleFindings(loaded, { others, checks: knownChecks() }),
  ];
  if (problems.length === 0) return loaded;
  throw new InputError(`The capsule ${loaded.capsule.id} is not valid.`, {
    code: "capsule_invalid",
    problems: locate(problems, content.yaml, file),
    remedy: "Mend the lines named above; `kamachiq capsule validate PATH` says the same.",
  });
}
