import { expect, test } from "vitest";
import { bandOf } from "../../src/recorded/chart";
import { rateTicks } from "../../src/recorded/rate_ticks";

const place = (rate: number, change: number) => `${rate},${change}`;

test("the band is an outline around each stretch that has one", () => {
  expect(bandOf([1, 2, 3], [-1, -2, -3], [1, 2, 3], place)).toBe("M1,-1L2,-2L3,-3L3,3L2,2L1,1Z");
  expect(bandOf([1, 2, 3, 4, 5], [-1, -2, null, -4, -5], [1, 2, null, 4, 5], place)).toBe(
    "M1,-1L2,-2L2,2L1,1ZM4,-4L5,-5L5,5L4,4Z",
  );
  // A single point has no width.
  expect(bandOf([1, 2], [-1, null], [1, null], place)).toBe("");
});

// As `decades` in chart.py.
test.each([
  [1e-6, 1, [1e-6, 1e-4, 1e-2, 1]],
  [1e-4, 10, [1e-4, 1e-3, 1e-2, 0.1, 1, 10]],
  [0.1, 1, [0.1, 0.2, 0.5, 1]],
  [0.03, 2, [0.05, 0.1, 0.2, 0.5, 1, 2]],
  [0.02, 5, [0.03, 0.1, 0.3, 1, 3]],
  [0.21, 0.28, [0.21, 0.28]],
])("ticks of a log axis from %d to %d are round", (low, high, ticks) => {
  expect(rateTicks({ low, high, log: true })).toEqual(ticks);
});

test("ticks of a linear axis are multiples of a round number", () => {
  expect(rateTicks({ low: 0, high: 1, log: false })).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
});
