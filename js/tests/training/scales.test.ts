import { expect, test } from "vitest";
import { lossScale, placeOn, startOf, stepScale } from "../../src/training/scales";

const line = (...losses: number[]) => ({ losses: new Float32Array(losses), diverged: false });

test("the start is the first loss of any line that has one", () => {
  expect(startOf([line(), line(3, 2)])).toBe(3);
  expect(startOf([line()])).toBeUndefined();
  expect(lossScale([])).toBeUndefined();
});

test.each([
  ["down to the lowest loss", [line(2.4, 2.4), line(2.4, 0.3)], 0, 2.5],
  ["not as far up as a rate that explodes", [line(2.4, 0.3), line(2.4, 1e30)], 0, 3],
  ["as far up as the losses that are near", [line(2.4, 0.3), line(2.4, 2.6)], 0, 3],
  ["at least a tenth of the loss", [line(2.5, 2.45)], 2.25, 2.5],
  ["also of one step", [line(1)], 0.9, 1],
  ["a loss of 0", [line(0, 0)], -1, 0],
  ["losses below 0", [line(-2, -9)], -10, -2],
])("the axis of the loss: %s", (_, lines, low, high) => {
  const scale = lossScale(lines);
  expect(scale?.low).toBeCloseTo(low);
  expect(scale?.high).toBeCloseTo(high);
});

test("its ends are two of its numbers, which are round", () => {
  expect(lossScale([line(0.75, 0.25)])?.ticks).toEqual([0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]);
  expect(lossScale([line(2.4, 0.3), line(2.4, 9)])?.ticks).toEqual([0, 0.5, 1, 1.5, 2, 2.5, 3]);
});

test("a loss that falls a little more leaves the axis alone", () => {
  expect(lossScale([line(2.4, 0.3)])).toEqual(lossScale([line(2.39, 0.2)]));
});

test.each([
  [2, [1, 2]],
  [3, [1, 2, 3]],
  [12, [1, 2, 4, 6, 8, 10, 12]],
  [55, [1, 10, 20, 30, 40, 50]],
  [300, [1, 50, 100, 150, 200, 250, 300]],
])("the axis of %d steps", (horizon, ticks) => {
  expect(stepScale(horizon)).toEqual({ low: 1, high: horizon, ticks });
});

test.each([
  [600, [1, 10_000, 20_000, 30_000, 40_000, 50_000]],
  [200, [1, 20_000, 40_000]],
  [100, [1]],
  [0, [1]],
])("the axis of 56,250 steps in a width of %d pixels", (width, ticks) => {
  expect(stepScale(56_250, width).ticks).toEqual(ticks);
});

test("places on a scale", () => {
  expect([1, 2, 3, 5].map((value) => placeOn({ low: 1, high: 3, ticks: [] }, value))).toEqual([0, 0.5, 1, 2]);
});
