import type { LoadedCapsule, TemplateFile } from "../domain/capsule.ts";
import { InputError } from "../domain/errors.ts";
import { type CommandCheck, Expectation, type VisibleSpec } from "../domain/intake.ts";
import { isPlainPath } from "../domain/paths.ts";
import type { Renderer, ScaffoldFile } from "../ports/renderer.ts";
import { createTemplateEngine, type TemplateEngine } from "./template-engine.ts";

/** What a capsule's templates see. */
export interface TemplateScope extends Record<string, unknown> {
  parameters: Record<string, unknown>;
  catalog: Record<string, unknown>;
  spec: { name: string; goals: string[]; constraints: string[] };
}

export function scopeOf(
  { capsule }: LoadedCapsule,
  parameters: Record<string, unknown>,
  spec: VisibleSpec,
): TemplateScope {
  const { name, goals, constraints } = spec;
  return { parameters, catalog: capsule.catalog, spec: { name, goals, constraints } };
}

const engines = new WeakMap<LoadedCapsule, TemplateEngine>();

/** The capsule's engine; its templates are parsed once. */
export function engineOf(capsule: LoadedCapsule): TemplateEngine {
  const known = engines.get(capsule);
  if (known !== undefined) return known;
  const engine = createTemplateEngine(capsule.templates);
  engines.set(capsule, engine);
  return engine;
}

/** The files that a list of templates stands for. Throws InputError for a path that leaves the repository. */
export function renderFiles<File extends TemplateFile>(
  engine: TemplateEngine,
  files: readonly File[],
  scope: TemplateScope,
): { file: File; path: string; content: string }[] {
  return instances(engine, files, scope).map(({ file, scope: own }) => ({
    file,
    path: renderPath(engine, file.path, own),
    content: engine.file(file.template, own),
  }));
}

/** The paths alone, for whoever reads the files. */
export function renderPaths(engine: TemplateEngine, files: readonly TemplateFile[], scope: TemplateScope): string[] {
  return instances(engine, files, scope).map(({ file, scope: own }) => renderPath(engine, file.path, own));
}

function instances<File extends TemplateFile>(
  engine: TemplateEngine,
  files: readonly File[],
  scope: TemplateScope,
): { file: File; scope: TemplateScope }[] {
  return files
    .flatMap((file) => itemsOf(file, scope).map((item) => ({ file, scope: { ...scope, ...item } })))
    .filter(({ file, scope: own }) => engine.holds(file.when, own));
}

function itemsOf({ each }: TemplateFile, { parameters }: TemplateScope): { item?: unknown }[] {
  if (each === undefined) return [{}];
  const list = parameters[each];
  return Array.isArray(list) ? list.map((item: unknown) => ({ item })) : [];
}

function renderPath(engine: TemplateEngine, template: string, scope: TemplateScope): string {
  const path = engine.text(template, scope);
  if (isPlainPath(path)) return path;
  throw new InputError(
    `The capsule's path ${JSON.stringify(template)} becomes ${JSON.stringify(path)}, which is no path below the repository.`,
    {
      code: "path_invalid",
      remedy: 'Use a relative path without "..", ".git", a backslash or a colon.',
    },
  );
}

/** Renders the first commit and the probes of capsules. */
export function createCapsuleRenderer(): Renderer {
  return {
    scaffold(capsule, parameters, spec) {
      const rendered = renderFiles(engineOf(capsule), capsule.capsule.scaffold, scopeOf(capsule, parameters, spec));
      return rendered.map(({ file, path, content }): ScaffoldFile => ({ kind: file.kind, path, content }));
    },
    probes(capsule, parameters, spec) {
      const engine = engineOf(capsule);
      const scope = scopeOf(capsule, parameters, spec);
      return capsule.capsule.probes
        .filter(({ when }) => engine.holds(when, scope))
        .map(({ when: _applies, ...probe }) => renderProbe(engine, probe, scope));
    },

    tryCommand(capsule, parameters) {
      const { try_command: template, catalog } = capsule.capsule;
      return template === undefined ? null : engineOf(capsule).text(template, { parameters, catalog });
    },
  };
}

function renderProbe<P extends CommandCheck & { proves: string[] }>(
  engine: TemplateEngine,
  probe: P,
  scope: TemplateScope,
): P {
  const text = (source: string): string => engine.text(source, scope, `of probe ${probe.id}`);
  const { stdin, expect } = probe;
  const entries = Object.entries(expect).map(([key, value]) => [key, typeof value === "string" ? text(value) : value]);
  return {
    ...probe,
    text: text(probe.text),
    run: probe.run.map(text),
    ...(stdin === undefined ? {} : { stdin: text(stdin) }),
    expect: Expectation.parse(Object.fromEntries(entries)),
  };
}
