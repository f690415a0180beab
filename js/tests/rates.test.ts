import { expect, test } from "vitest";
import { formatRate, fromPosition, moveEnd, parseRate, toPosition, trackEnds } from "../src/rates";

test.each([
  [1, "1"],
  [0.25, "0.25"],
  [0.001, "0.001"],
  [0.0009999, "0.001"],
  [3.16227e-5, "3.16e-5"],
  [1e-10, "1e-10"],
  [100, "100"],
  [31623, "31600"],
  [1.778e6, "1.78e+6"],
  [0, "0"],
])("%s is shown as %s", (rate, text) => {
  expect(formatRate(rate)).toBe(text);
});

test.each([
  ["0.001", 0.001],
  [" 1e-3 ", 0.001],
  ["3", 3],
  ["", undefined],
  [" ", undefined],
  ["0", undefined],
  ["-1", undefined],
  ["fast", undefined],
  ["NaN", undefined],
  ["Infinity", undefined],
])("%j is read as %s", (text, rate) => {
  expect(parseRate(text)).toBe(rate);
});

test("positions and rates are inverse on every tenth of a decade", () => {
  for (let tenth = -80; tenth <= 10; tenth++) {
    const rate = fromPosition(tenth / 10);
    expect(toPosition(rate, 1e-8, 10)).toBeCloseTo(tenth / 10, 2);
    expect(formatRate(rate).length).toBeLessThanOrEqual(7);
  }
  expect(toPosition(0, 1e-8, 10)).toBe(-8);
  expect(toPosition(99, 1e-8, 10)).toBe(1);
});

test("ends never meet or cross", () => {
  const range = { lr_min: 0.01, lr_max: 1 };
  expect(moveEnd(range, "lr_min", 0.5)).toEqual({ lr_min: 0.5, lr_max: 1 });
  expect(moveEnd(range, "lr_min", 1)).toBeUndefined();
  expect(moveEnd(range, "lr_max", 0.001)).toBeUndefined();
});

test("the track grows to hold the range", () => {
  expect(trackEnds({ lr_min: 1e-9, lr_max: 100 }, 1e-8, 10)).toEqual({ low: 1e-9, high: 100 });
  expect(trackEnds({ lr_min: 0, lr_max: 1 }, 1e-8, 10)).toEqual({ low: 1e-8, high: 10 });
});
