import { describe, expect, it } from "vitest";
import { claimCovers, claimsOverlap, isPlainPath } from "./paths.ts";

describe("claims", () => {
  it.each([
    ["a.py", "a.py", true],
    ["a.py", "b.py", false],
    ["src/*", "src/a.py", true],
    ["src/*.py", "src/x/a.py", false],
    ["src", "src/x/a.py", true],
    ["src", "src-x/a.py", false],
    ["src/?.py", "src/a.py", true],
    ["src/?.py", "src/ab.py", false],
    ["src/**", "src/x/a.py", true],
    ["src/", "src/x/a.py", true],
    ["**/test_*.py", "tests/test_a.py", true],
    ["src/a*c", "src/*bc", true],
    ["src/a*", "src/b*", false],
    ["**", "anything/at/all", true],
    ["a/**/z", "a/z", true],
  ])("%s and %s overlap: %s", (a, b, expected) => {
    expect(claimsOverlap(a, b)).toBe(expected);
    expect(claimsOverlap(b, a)).toBe(expected);
  });

  it("takes a path literally", () => {
    expect(claimCovers("src/a.py", "src/*")).toBe(false);
    expect(claimCovers("src", "src/a/b.py")).toBe(true);
    expect(claimCovers("src/a.py", "src")).toBe(false);
    expect(claimCovers("src/*", "src/*")).toBe(true);
    expect(claimCovers("src/*.py", "src/a.py")).toBe(true);
  });
});

describe("isPlainPath", () => {
  it.each(["a", "a/b.py", ".github/workflows/ci.yml", ".gitignore"])("accepts %s", (path) =>
    expect(isPlainPath(path)).toBe(true),
  );
  it.each(["", "/a", "../a", "a/../b", "a//b", "./a", "a/", "a\0b", "a\\b", "C:a", ".git/config", "x/.GIT/hooks/y"])(
    "refuses %j",
    (path) => expect(isPlainPath(path)).toBe(false),
  );
});
