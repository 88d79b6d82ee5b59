// A capsule's parameters, shortened for a model to read. What it gets wrong, the capsule's own schema tells it.

/** Characters of a signature; nested types are left out until it fits. */
const SIGNATURE_MAX = 700;
const DEPTH_MAX = 4;
const VALUES_MAX = 12;
/** A longer pattern says less than the description beside it. */
const PATTERN_MAX = 60;

type Schema = Record<string, unknown>;

/** The parameters as a type: `{package?: string, operations: ("add" | "subtract")[]}`. `?`: it may be left out. */
export function signatureOf(parameters: Schema): string {
  for (let depth = DEPTH_MAX; depth > 0; depth -= 1) {
    const signature = typeOf(parameters, depth, parameters);
    if (signature.length <= SIGNATURE_MAX || depth === 1) return cut(signature, SIGNATURE_MAX);
  }
  return "object";
}

function typeOf(given: unknown, depth: number, root: Schema): string {
  const schema = resolved(given, root);
  const { type, properties, items } = schema;
  if ("const" in schema) return cut(JSON.stringify(schema["const"]), PATTERN_MAX);
  if (Array.isArray(schema["enum"])) return valuesOf(schema["enum"]);
  const union = schema["anyOf"] ?? schema["oneOf"];
  if (Array.isArray(union) && type === undefined && depth > 0) return either(union, depth, root);
  if (Array.isArray(type))
    return either(
      type.map((one: unknown) => ({ ...schema, type: one })),
      depth,
      root,
    );
  if (type === "array") {
    const of = items === undefined || depth <= 0 ? "any" : typeOf(items, depth - 1, root);
    return / \| /.test(of) && !of.startsWith("{") ? `(${of})[]` : `${of}[]`;
  }
  if (type !== "object" && properties === undefined) return typeof type === "string" ? type : "any";
  if (typeof properties !== "object" || properties === null || depth <= 0) return "object";
  const required = Array.isArray(schema["required"]) ? (schema["required"] as unknown[]) : [];
  const members = Object.entries(properties).map(([name, of]) => {
    // What has a default is filled in, whatever is required.
    const optional = !required.includes(name) || "default" in resolved(of, root);
    return `${name}${optional ? "?" : ""}: ${typeOf(of, depth - 1, root)}`;
  });
  return `{${members.join(", ")}}`;
}

function either(schemas: readonly unknown[], depth: number, root: Schema): string {
  return [...new Set(schemas.slice(0, VALUES_MAX).map((one) => typeOf(one, depth - 1, root)))].join(" | ");
}

function valuesOf(values: readonly unknown[]): string {
  const shown = values.slice(0, VALUES_MAX).map((value) => cut(JSON.stringify(value), PATTERN_MAX));
  return [...shown, ...(values.length > VALUES_MAX ? ["…"] : [])].join(" | ");
}

/** The schema that a local reference names, once: a chain of them is not followed. */
function resolved(given: unknown, root: Schema): Schema {
  const schema = typeof given === "object" && given !== null ? (given as Schema) : {};
  const name = /^#\/\$defs\/([^/]+)$/.exec(typeof schema["$ref"] === "string" ? schema["$ref"] : "")?.[1];
  const definitions = root["$defs"] as Record<string, Schema> | undefined;
  return name === undefined ? schema : { ...definitions?.[name], ...schema };
}

function cut(text: string, max: number): string {
  return text.length <= max ? text : `${text.slice(0, max - 1)}…`;
}

/** The JSON Schema without what only a validator needs: words that are forbidden, long patterns, unused definitions. */
export function readableSchema(parameters: Schema): Schema {
  const text = JSON.stringify({ ...parameters, $defs: {} });
  const used = text.includes('"$ref"') ? {} : { $defs: undefined };
  return readable({ ...parameters, ...used }, true) as Schema;
}

const VALIDATORS = ["$schema", "not", "additionalProperties", "allOf", "contains", "if", "then", "else"];

/** `keywords`: whether the object's members are keywords of JSON Schema, and not names of properties. */
function readable(value: unknown, keywords: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => readable(item, keywords));
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([key, member]) => {
    if (member === undefined) return false;
    if (!keywords) return true;
    return !VALIDATORS.includes(key) && !(key === "pattern" && String(member).length > PATTERN_MAX);
  });
  return Object.fromEntries(
    kept.map(([key, member]) => {
      if (keywords && (key === "default" || key === "enum" || key === "const")) return [key, member];
      return [key, readable(member, !(keywords && (key === "properties" || key === "$defs")))];
    }),
  );
}
