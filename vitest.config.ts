import { defineConfig } from "vitest/config";

// `unit` is pure and takes seconds; `integration` starts the embedded components; `examples` delivers every example;
// `servers` needs further real servers.
const real = { environment: "node", testTimeout: 180_000, hookTimeout: 180_000, fileParallelism: false } as const;
const report = process.env["VITEST_JSON"];

export default defineConfig({
  test: {
    reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]],
    projects: [
      { test: { name: "unit", include: ["src/**/*.test.ts"], environment: "node" } },
      { test: { ...real, name: "integration", include: ["test/*.test.ts"] } },
      { test: { ...real, name: "examples", include: ["test/examples/*.test.ts"] } },
      { test: { ...real, name: "servers", include: ["test/servers/*.test.ts"] } },
    ],
  },
});
