import { describe, expect, test } from "vitest";
import { around, axisOf, nearest, stretches, toFraction, toRate, zoom } from "../src/axis";

const LOG = { low: 1e-4, high: 1, log: true };
const LINEAR = { low: 1, high: 3, log: false };

test("an axis that begins at 0 is linear", () => {
  expect(axisOf([0, 1], "log", [0, 1])).toEqual({ low: 0, high: 1, log: false });
  expect(axisOf([1e-3, 1], "log", [1e-3, 1]).log).toBe(true);
  expect(axisOf([1e-3, 1], "linear", [1e-3, 1]).log).toBe(false);
  // Zoomed, too: the way back out leads to 0.
  expect(axisOf([1e-3, 1], "log", [0, 1]).log).toBe(false);
  expect(axisOf([1e-3, 1], "log", []).log).toBe(true);
});

test.each([LOG, LINEAR])("fractions and rates are inverse on %o", (axis) => {
  for (const fraction of [0.01, 0.25, 0.5, 1])
    expect(toFraction(toRate(fraction, axis), axis)).toBeCloseTo(fraction, 12);
  expect(toFraction(axis.low, axis)).toBe(0);
});

test("decades are as wide as one another", () => {
  expect(toFraction(1e-2, LOG)).toBeCloseTo(0.5);
  expect(toRate(0.75, LOG)).toBeCloseTo(0.1);
});

test("nearest is meant on the screen", () => {
  const rates = [1e-4, 1e-2, 1];
  expect(nearest(rates, 0.2, LOG)).toBe(2);
  expect(nearest(rates, 0.2, { ...LOG, log: false })).toBe(1);
  expect(nearest([], 0.2, LOG)).toBe(-1);
  expect(nearest([1, 3], 2, LINEAR)).toBe(0);
});

describe("zoom", () => {
  test("takes a part, in either direction, and not beyond the ends", () => {
    const [low, high] = zoom(LOG, 0.75, 0.5, [1e-4, 1]) ?? [];
    expect(low).toBeCloseTo(1e-2);
    expect(high).toBeCloseTo(0.1);
    expect(zoom(LOG, -1, 2, [1e-4, 1])).toEqual([1e-4, 1]);
  });
  test("of next to nothing is none", () => {
    expect(zoom(LOG, 0.5, 0.501, [1e-4, 1])).toBeUndefined();
  });
  test.each([
    [0.002, 0.998, [0.002, 0.998]],
    [0.0019, 0.9981, [0, 1]],
    [0, 0.0051, [0, 0.0051]],
    [0, 0.005, undefined],
  ])("from %f to %f is %j", (from, to, expected) => {
    expect(zoom({ low: 0, high: 1, log: false }, from, to, [0, 1])).toEqual(expected);
  });
});

test("stretches", () => {
  expect(stretches([])).toEqual([]);
  expect(stretches([true, true, true, false, true, true])).toEqual([
    [0, 2],
    [4, 5],
  ]);
});

test("a region reaches half way to its neighbours, and not beyond the grid", () => {
  expect(around([1e-4, 1e-2, 1], 2, 2, LOG)).toEqual([0.75, 1]);
  expect(around([1e-4, 1e-2, 1], 1, 1, LOG)).toEqual([0.25, 0.75]);
  expect(around([1e-4, 1e-2, 1], 0, 0, LOG)).toEqual([0, 0.25]);
});
