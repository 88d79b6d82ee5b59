// The verdict of the tests on the tree that it is started in: exit code 0 when all pass, 1 at the first that doesn't.
// `mutant.mts ISOLATION FILE…`; isolation `none` loads all test files into this process.
import { run } from "node:test";

const [isolation = "none", ...files] = process.argv.slice(2);
const stream = run({ files, isolation: isolation === "none" ? "none" : "process", concurrency: 1 });
stream.on("test:fail", ({ todo }) => {
  if (todo === undefined) process.exit(1);
});
stream.on("end", () => process.exit(0));
stream.resume();
