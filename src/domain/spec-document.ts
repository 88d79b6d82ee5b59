import { z } from "zod";
import { Attachment, ProjectSpec } from "./intake.ts";
import { type Prepare, readDocument } from "./yaml-document.ts";

const { content: _content, ...described } = Attachment.partial().shape;

/** A spec as people write it: attachments by path, below the spec's folder, or with their content. */
export const SpecFile = z.strictObject({
  ...ProjectSpec.shape,
  attachments: z
    .array(
      z.union([
        z.string().min(1).max(300),
        z.strictObject({ path: z.string().min(1).max(300), ...described }),
        Attachment,
      ]),
    )
    .max(10)
    .default([]),
});

/**
 * Reads a project spec from YAML 1.2 or JSON. Throws InputError `spec_invalid` with every problem at once, each as
 * `FILE:LINE: field: what is wrong; what to do`. `filename` is only named, never opened.
 * `prepare` sees the document before the schema does, to put attachments in the place of their paths.
 */
export function parseSpec(text: string, filename: string, prepare?: Prepare): ProjectSpec {
  return readDocument(text, filename, {
    schema: ProjectSpec,
    noun: "project spec",
    code: "spec_invalid",
    remedy: "Mend the lines named above; examples/simple_cli.yaml is a spec that works.",
    ...(prepare === undefined ? {} : { prepare }),
  });
}
