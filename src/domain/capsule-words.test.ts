import { expect, it } from "vitest";
import { ambiguousWords } from "./capsule-words.ts";

const words = (a: string[][], b: string[][]) => ambiguousWords({ capabilities: a }, { capabilities: b });

it.each<[string[][], string[][], string | undefined]>([
  [[["python"], ["cli", "command line"]], [["python"], ["library"]], undefined],
  [[["python"], ["cli", "package"]], [["python"], ["library", "package"]], "python package"],
  [[["rest api"], ["python"]], [["python"], ["api"]], "rest api python"],
  [[["api"], ["python"]], [["python"], ["rest api"]], "python rest api"],
  [[["python"], ["cli"], ["calculator"]], [["python"], ["cli"]], undefined],
  [[], [], undefined],
  [
    [
      ["a", "b"],
      ["b", "c"],
    ],
    [["b"], ["a"]],
    "a b",
  ],
])("%j and %j meet in %s", (a, b, expected) => {
  expect(words(a, b)).toBe(expected);
});

it("ends for many large groups", () => {
  const group = Array.from({ length: 50 }, (_, index) => `w${index}`);
  const many = Array.from({ length: 19 }, () => group);
  expect(words([...many, ["x"]], [...many, ["y"]])).toBeUndefined();
});
