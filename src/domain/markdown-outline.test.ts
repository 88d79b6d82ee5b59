import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Block, readOutline } from "./markdown-outline.ts";

const lined = ({ kind, text, line, end_line }: Block): string => `${line}-${end_line} ${kind}: ${text}`;
const outline = (text: string): string[] => readOutline(text).blocks.map(lined);

describe("readOutline", () => {
  it("gives every block its lines and the headings that it stands under", () => {
    const { blocks } = readOutline("# A\n\nSome\ntext.\n\n## B\n\n- one\n  more\n  - two\n\nLast\n====\n");
    expect(blocks.map(lined)).toEqual([
      "1-1 heading: A",
      "3-4 paragraph: Some\ntext.",
      "6-6 heading: B",
      "8-9 item: one\nmore",
      "10-10 item: two",
      "12-12 heading: Last",
    ]);
    expect(blocks.map(({ headings, depth }) => [...headings, depth].join(" "))).toEqual([
      "1",
      "A 0",
      "A 2",
      "A B 1",
      "A B 2",
      "1",
    ]);
  });

  it("leaves out front matter, code and HTML, and moves no line by it", () => {
    const text =
      "---\nmust: no\n---\n<!-- must -->\n\n```md\n# must\n```\n\n    must\n\n<div>\nmust\n</div>\n\nYes <b>it</b><!-- x --> is.\n";
    expect(outline(text)).toEqual(["16-16 paragraph: Yes it is."]);
  });

  it("takes a rule at the top for a rule when nothing closes it", () => {
    expect(outline("---\n\nText\n")).toEqual(["3-3 paragraph: Text"]);
  });

  it("shows text without markup and keeps the source", () => {
    const { blocks } = readOutline(
      "- [x] **T1** the `__init__` of [docs](x.md) &amp; ![a](b) \\*\n- [ ] open\n- plain\n",
    );
    expect(blocks.map(({ text, checked }) => [text, checked])).toEqual([
      ["T1 the __init__ of docs & a *", true],
      ["open", false],
      ["plain", undefined],
    ]);
    expect(blocks[0]?.source).toBe("**T1** the `__init__` of [docs](x.md) &amp; ![a](b) \\*");
  });

  it("reads rows with their table's head", () => {
    const { blocks } = readOutline("| A | B |\n|---|---|\n| `1` | 2 |\n|  |  |\n\n> | C |\n> |---|\n> | 3 |\n");
    expect(blocks.map(({ kind, line, cells, head }) => ({ kind, line, cells, head }))).toEqual([
      { kind: "row", line: 3, cells: ["1", "2"], head: ["A", "B"] },
      { kind: "row", line: 8, cells: ["3"], head: ["C"] },
    ]);
  });

  it("takes every kind of line end and a byte order mark", () => {
    expect(outline("\uFEFF# A\r\n\r\nb\rc\n")).toEqual(["1-1 heading: A", "3-4 paragraph: b\nc"]);
  });

  it("counts what it doesn't read", () => {
    const { blocks, lines, lines_unread } = readOutline("a\n\n".repeat(15_000));
    expect({ blocks: blocks.length, lines, lines_unread }).toEqual({
      blocks: 10_000,
      lines: 30_000,
      lines_unread: 10_000,
    });
    expect(readOutline("x".repeat(900_000)).blocks[0]?.text).toHaveLength(4_000);
  });

  it.each([
    ["quotes", "> "],
    ["lists", "- "],
    ["numbered lists", "1. "],
    ["brackets", "["],
    ["images", "![a]("],
    ["stars", "*a **a "],
    ["code", "`a ``"],
    ["tags", "<a "],
    ["comments", "<!-- "],
    ["entities", "&amp;"],
    ["escapes", "\\"],
    ["cells", "|"],
    ["rows", "a|b\n-|-\n"],
    ["items", "- a\n"],
    ["lazy quotes", ">\na\n"],
    ["underlined headings", "a\n=\n"],
    ["definitions", "[a]: b\n"],
    ["quotes in lists", "> - 1. "],
  ])("reads a megabyte of %s within three seconds of computing", (_, unit) => {
    const lines = (unit.repeat(4_000).slice(0, 3_998) + "\n\n").repeat(250);
    for (const text of [unit.repeat(1_000_000 / unit.length), lines]) {
      const started = process.cpuUsage(); // not the clock: other tests run beside
      readOutline(text);
      const { user, system } = process.cpuUsage(started);
      expect(user + system).toBeLessThan(3_000_000);
    }
  });

  it("answers any text with blocks on its lines, in order", () => {
    const part = fc.constantFrom(
      "# ",
      "- ",
      "> ",
      "|",
      "---",
      "```",
      "\n",
      "\n\n",
      "  ",
      "a",
      "*",
      "[ ] ",
      "<!--",
      "1. ",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(part, { maxLength: 60 }).map((parts) => parts.join("")),
        ),
        (text) => {
          const { blocks, lines } = readOutline(text);
          let last = 1;
          for (const { line, end_line } of blocks) {
            expect(line).toBeGreaterThanOrEqual(last);
            expect(end_line).toBeGreaterThanOrEqual(line);
            expect(end_line).toBeLessThanOrEqual(lines);
            last = line;
          }
        },
      ),
    );
  });
});
