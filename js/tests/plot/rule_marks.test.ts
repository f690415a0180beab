import { expect, test } from "vitest";
import { ruleMarksOf } from "../../src/plot/rule_marks";

const AXIS = { low: 1e-4, high: 1, log: true };

test("marks go from left to right, and those outside are left out", () => {
  const found = ruleMarksOf({ b: 0.1, a: 1e-3, outside: 2, zero: 0 }, AXIS, "mean", 0.03);
  expect(found.map(({ names }) => names)).toEqual([["a"], ["b"]]);
  expect(found.map(({ place }) => place)).toEqual([expect.closeTo(0.25), expect.closeTo(0.75)]);
});

test("rules that agree share a mark; the current one comes first, and names without room are listed apart", () => {
  const many = Object.fromEntries(["significant", "steepest", "largest", "current"].map((name) => [name, 0.01]));
  const [mark] = ruleMarksOf(many, AXIS, "current", 0.03);
  expect(mark?.names).toEqual(["current", "significant"]);
  expect(mark?.more).toEqual(["steepest", "largest"]);
});

test.each([
  ["both ends of the axis", { low: 0, high: 4 }, [["low"], ["high"]]],
  ["choices just `close` apart", { one: 1, two: 2 }, [["one"], ["two"]]],
  ["the current rule once", { one: 1, current: 1 }, [["current", "one"]]],
  ["names that just fit", { thirteenchars: 1, alsothirteen_: 1 }, [["thirteenchars", "alsothirteen_"]]],
  ["one name, however long", { ["long".repeat(10)]: 1 }, [["long".repeat(10)]]],
])("marks have %s", (_, choices, names) => {
  const axis = { low: 0, high: 4, log: false };
  expect(ruleMarksOf(choices, axis, "current", 0.25).map((mark) => mark.names)).toEqual(names);
});
