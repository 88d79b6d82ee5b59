import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import type { LoadedCapsule } from "../domain/capsule.ts";
import { InputError } from "../domain/errors.ts";
import type { VisibleSpec } from "../domain/intake.ts";
import { nearest } from "../domain/nearest.ts";
import { boundedPattern } from "./bounded-pattern.ts";
import { engineOf } from "./renderer-capsule.ts";

/**
 * The spec's parameters checked against the capsule's JSON Schema and its own rules, with its defaults filled in; a
 * default that is a text may be Liquid over `spec`. Throws InputError `parameters_invalid`, each problem with the parameter's name.
 */
export function checkParameters(
  loaded: LoadedCapsule,
  given: Record<string, unknown>,
  spec: VisibleSpec,
): Record<string, unknown> {
  const { id, parameters: schema } = loaded.capsule;
  const parameters = structuredClone(given);
  const engine = engineOf(loaded);
  const { name, goals } = spec;
  for (const [key, { default: value }] of Object.entries(propertiesOf(schema))) {
    if (value === undefined || Object.hasOwn(parameters, key)) continue;
    parameters[key] =
      typeof value === "string" ? engine.text(value, { spec: { name, goals } }) : structuredClone(value);
  }
  const validate = compiled(loaded);
  const problems = validate(parameters)
    ? brokenRules(loaded, parameters)
    : (validate.errors ?? []).map((error) => explain(error, Object.keys(propertiesOf(schema))));
  if (problems.length === 0) return parameters;
  throw new InputError(`The parameters do not fit the capsule ${id}.`, {
    code: "parameters_invalid",
    problems,
    remedy: `Mend them under "parameters" of the spec.`,
  });
}

/** Why the capsule's parameters are no JSON Schema, if they are none. */
export function schemaProblem(loaded: LoadedCapsule): string | undefined {
  try {
    compiled(loaded);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function brokenRules(loaded: LoadedCapsule, parameters: Record<string, unknown>): string[] {
  const { parameter_rules: rules, catalog } = loaded.capsule;
  if (rules === undefined) return [];
  const lines = engineOf(loaded).file(rules, { parameters, catalog }).split("\n");
  return lines.map((line) => line.trim()).filter((line) => line !== "");
}

const validators = new WeakMap<LoadedCapsule, ValidateFunction>();

function compiled(loaded: LoadedCapsule): ValidateFunction {
  const known = validators.get(loaded);
  if (known !== undefined) return known;
  const ajv = new Ajv2020({
    allErrors: true,
    strict: true,
    useDefaults: true,
    verbose: true,
    code: { regExp: boundedPattern },
  });
  const validate = ajv.compile(loaded.capsule.parameters);
  validators.set(loaded, validate);
  return validate;
}

function propertiesOf(schema: Record<string, unknown>): Record<string, { default?: unknown }> {
  return (schema["properties"] ?? {}) as Record<string, { default?: unknown }>;
}

function explain(error: ErrorObject, known: readonly string[]): string {
  const { instancePath, params, data, parentSchema } = error;
  const at = `parameters${instancePath.replaceAll(/\/(\d+)/g, "[$1]").replaceAll("/", ".")}`;
  const found = JSON.stringify(data)?.slice(0, 80);
  switch (error.keyword) {
    case "enum":
      return `${at}: ${found} is not supported; supported are: ${(params["allowedValues"] as unknown[]).join(", ")}`;
    case "additionalProperties": {
      const name = String(params["additionalProperty"]);
      const guess = nearest(name, known);
      return `${at}.${name}: unknown parameter; ${guess === undefined ? `known are: ${known.join(", ")}` : `did you mean "${guess}"?`}`;
    }
    default: {
      const { description } = (parentSchema ?? {}) as { description?: string };
      return `${at}: ${error.message ?? "is not valid"} (it is ${found})${description === undefined ? "" : `; it is: ${description}`}`;
    }
  }
}
