// Sums vitest's JSON reports to the line that CI reads. A suite that left no report counts as one failure.
import { readFileSync } from "node:fs";
import { join } from "node:path";

const sum = { passed: 0, failed: 0, skipped: 0 };
for (const name of ["test.json", "examples.json", "servers.json"]) {
  try {
    const report = JSON.parse(readFileSync(join(process.argv[2], name), "utf8"));
    sum.passed += report.numPassedTests;
    sum.failed += report.numFailedTests + (report.success || report.numFailedTests > 0 ? 0 : 1);
    sum.skipped += report.numPendingTests + (report.numTodoTests ?? 0);
  } catch {
    console.log(`${name}: no report`);
    sum.failed += 1;
  }
}
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`);
process.exitCode = sum.failed > 0 || sum.passed === 0 ? 1 : 0;
