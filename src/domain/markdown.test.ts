import { expect, it } from "vitest";
import { code, count, duration, score, source, text } from "./markdown.ts";

it("shows foreign text as it is, on one line and without markup", () => {
  expect(text("# a\n\n| b | <i>c</i> & [d](e) `f` *g* _h_ ~~i~~ ![j](k)")).toBe(
    "\\# a \\| b \\| &lt;i&gt;c&lt;/i&gt; &amp; \\[d\\](e) \\`f\\` \\*g\\* \\_h\\_ \\~\\~i\\~\\~ \\!\\[j\\](k)",
  );
  expect(text("https://e.com WWW.e.com a@b.co")).toBe("https\\://e.com WWW\\.e.com a\\@b.co");
  expect(["- a", "1. a", "+ a", "=== a", "12) a"].map(text)).toEqual([
    "\\- a",
    "1\\. a",
    "\\+ a",
    "\\=== a",
    "12\\) a",
  ]);
  expect(text("a\u202eb\u200bc\u0007d")).toBe("a b c d");
  expect(text("x".repeat(600))).toHaveLength(502);
});

it("shows ids as code, and anything else as text", () => {
  expect(code("task/ops-1")).toBe("`task/ops-1`");
  expect(code("a`b")).toBe("a\\`b");
  expect(code("")).toBe("");
});

it("writes figures", () => {
  expect([count(999), count(1_234_567)]).toEqual(["999", "1,234,567"]);
  expect([0.85, 12.34, 245, 7_800].map(duration)).toEqual(["850 ms", "12.3 s", "4 min 05 s", "2 h 10 min"]);
  expect([score(0.799), score(0.8), score(0.29), score(null)]).toEqual(["0.79", "0.80", "0.29", "–"]);
  expect([source([]), source([3]), source([1, 2, 3, 4, 5, 6, 7])]).toEqual([
    "",
    " (event 3)",
    " (events 1, 2, 3, 4, 5, … 7)",
  ]);
});
