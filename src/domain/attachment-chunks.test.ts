import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chunksOf } from "./attachment-chunks.ts";

const attachment = (content: string) => ({ name: "a.md", media_type: "text/markdown" as const, content });

describe("chunksOf", () => {
  it("loses no words and no lines, whatever the text", () => {
    const text = fc.array(fc.string({ maxLength: 5_000, unit: fc.constantFrom("a", "b", " ", "\n", "#") }), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(text, (parts) => {
        const content = parts.join("\n");
        const chunks = chunksOf([attachment(content)]);
        const lines = content.split("\n");
        if (lines.length > 1 && lines.at(-1) === "") lines.pop();
        expect(chunks[0]?.line).toBe(1);
        expect(chunks.at(-1)?.end_line).toBe(lines.length);
        for (const [index, chunk] of chunks.entries()) {
          expect(chunk.characters).toBeLessThanOrEqual(20_001);
          expect(chunk.end_line).toBeGreaterThanOrEqual(chunk.line);
          const next = chunks[index + 1];
          if (next !== undefined) expect([chunk.end_line, chunk.end_line + 1]).toContain(next.line);
        }
        const words = (given: string): string => given.replaceAll(/\s+/g, "");
        expect(words(chunks.flatMap(({ statements }) => statements.map((one) => one.text)).join(""))).toBe(
          words(content),
        );
      }),
    );
  });

  it("keeps sections together, and splits lines that are too long", () => {
    const section = (name: string): string => `# ${name}\n${"some words here\n".repeat(750)}`;
    const chunks = chunksOf([attachment(section("One") + section("Two")), attachment("x".repeat(45_000))]);
    expect(chunks.map(({ document, line, end_line }) => [document, line, end_line])).toEqual([
      [0, 1, 751],
      [0, 752, 1502],
      [1, 1, 1],
      [1, 1, 1],
      [1, 1, 1],
    ]);
    expect(chunks[1]?.statements[0]?.text).toBe("# Two");
    expect(Math.max(...chunks.flatMap(({ statements }) => statements.map(({ text }) => text.length)))).toBe(2_000);
  });
});
