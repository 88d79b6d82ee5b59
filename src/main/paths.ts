import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The capsule library that comes with the product. */
export const CAPSULES = join(ROOT, "services/task-capsule-repo/app/capsules");
/** The rules that come with the product. */
export const POLICIES = join(ROOT, "policies");
