import { expect, test } from "vitest";
import { nearestLine, shapesOf } from "../../src/training/shapes";

const STEPS = { low: 1, high: 5, ticks: [] };
const LOSS = { low: 0, high: 4, ticks: [] };
const line = (losses: number[], diverged = false) => ({ losses: new Float32Array(losses), diverged });

test("a line is drawn step by step, and one without a beginning is left out", () => {
  const [shape, ...more] = shapesOf([line([]), line([4, 3, 1])], STEPS, LOSS);
  expect(more).toEqual([]);
  expect(shape).toEqual({
    index: 1,
    points: [
      [0, 0],
      [0.25, 0.25],
      [0.5, 0.75],
    ],
    ending: "open",
    end: [0.5, 0.75],
  });
});

test.each([
  ["inside", [2, 1], true, "diverged", [0.25, 0.75]],
  ["above the picture", [2, 6], true, "diverged", [0.125, 0]],
  ["above it, and is finite", [2, 6], false, "beyond", [0.125, 0]],
  ["above it for the second time", [2, 6, 2, 6], false, "beyond", [0.625, 0]],
  ["inside after it was above", [2, 6, 2], false, "open", [0.5, 0.5]],
] as const)("a line that ends %s", (_, losses, diverged, ending, end) => {
  expect(shapesOf([line([...losses], diverged)], STEPS, LOSS)[0]).toMatchObject({ ending, end });
});

test("a loss that is far too high is drawn just above the picture", () => {
  expect(shapesOf([line([2, 1e30])], STEPS, LOSS)[0]?.points[1]).toEqual([0.25, -20]);
});

const TWO = shapesOf([line([2, 2, 2, 2, 2]), line([2, 1, 0, 0, 0])], STEPS, LOSS);

test.each([
  ["on a line", 0.75, 0.5, 0],
  ["between two lines", 0.75, 0.8, 1],
  ["beside a steep line", 0.2, 0.75, 1],
  ["too far from all", 0.75, 0.2, -1],
  ["behind the end of all", 1.3, 0.5, -1],
])("the pointer %s", (_, x, y, index) => {
  expect(nearestLine(TWO, x, y, 1, 0.21)).toBe(index);
});

test("a wide picture has its lines farther apart from left to right", () => {
  const steep = shapesOf([line([4, 0])], STEPS, LOSS);
  expect(nearestLine(steep, 0.25, 0.5, 1, 0.13)).toBe(0);
  expect(nearestLine(steep, 0.25, 0.5, 2, 0.13)).toBe(-1);
  expect(nearestLine(steep, 0.125, 0.5, 2, 0.01)).toBe(0);
});

test("one step is a point", () => {
  expect(nearestLine(shapesOf([line([2])], STEPS, LOSS), 0.05, 0.5, 1, 0.1)).toBe(0);
});
