import { z } from "zod";
import { Capsule } from "./capsule.ts";
import { Id, ID_PATTERN } from "./ids.ts";
import { PlanFile } from "./plan-file.ts";
import { Plan, PlannerOutput, TaskGraph } from "./plan.ts";
import { SpecFile } from "./spec-document.ts";

/** A change that refuses what was accepted before gets a new version; the old file stays for those who name it. */
const VERSION = "v1";

const SCHEMAS = {
  "project-spec": { schema: SpecFile, title: "KAMACHIQ project spec" },
  "task-graph": { schema: TaskGraph, title: "KAMACHIQ task graph" },
  "planner-output": { schema: PlannerOutput, title: "KAMACHIQ planner output" },
  plan: { schema: Plan, title: "KAMACHIQ plan" },
  "plan-file": { schema: PlanFile, title: "KAMACHIQ plan file" },
  capsule: { schema: Capsule, title: "KAMACHIQ capsule" },
};

/** The files of `docs/schemas`: JSON Schema 2020-12 of what people write, defaults left out being allowed. */
export function publishedSchemas(): { name: string; text: string }[] {
  return Object.entries(SCHEMAS).map(([id, { schema, title }]) => {
    const json = z.toJSONSchema(schema, {
      io: "input",
      reused: "ref",
      override({ zodSchema, jsonSchema }) {
        if ((zodSchema as unknown) === Id) jsonSchema.pattern = ID_PATTERN;
      },
    });
    const document = { ...json, $id: `urn:kamachiq:schema:${id}:${VERSION}`, title };
    return { name: `${id}.${VERSION}.json`, text: `${JSON.stringify(document, null, 2)}\n` };
  });
}
