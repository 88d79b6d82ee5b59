import { describe, expect, it } from "vitest";
import { cell, duration, line, width } from "./text.ts";

describe("text in cells", () => {
  it("prints durations", () => {
    expect([0, 3_249, 61_000, 3_599_999, 3_600_000, 90_061_000].map(duration)).toEqual([
      "00:00.0",
      "00:03.2",
      "01:01.0",
      "59:59.9",
      "1:00:00",
      "25:01:01",
    ]);
  });

  it("counts wide characters as two and combining ones as none", () => {
    expect([width("abc"), width("漢字"), width("e\u0301"), width("✓ done"), width("👩‍💻")]).toEqual([3, 4, 1, 6, 2]);
  });

  it("cuts without leaving half a character, and fills up", () => {
    expect(line("漢字漢字", 5)).toBe("漢字…");
    expect(line("a\n b", 9)).toBe("a b");
    expect(cell("漢字漢字", 6)).toBe("漢字… ");
    expect(cell("7", 3, "end")).toBe("  7");
    expect(line("abc", 0)).toBe("");
  });
});
