// Writes the published JSON Schemas from the schemas that the product itself checks with: `npm run schemas`.
import { writeFile } from "node:fs/promises";
import { publishedSchemas } from "../src/domain/published-schemas.ts";

for (const { name, text } of publishedSchemas()) {
  await writeFile(new URL(`../docs/schemas/${name}`, import.meta.url), text);
}
