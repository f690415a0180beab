import { expect, test } from "vitest";
import { pathThrough, readPoints, readValidation, smooth } from "../../src/live/points";
import { table } from "../mock_model";

test("the rows of the tables", () => {
  const points = readPoints(
    table([
      [1, 2],
      [0.5, 0.25],
      [0.125, 4],
    ]),
  );
  expect([...points.steps, ...points.losses, ...points.rates]).toEqual([1, 2, 0.5, 0.25, 0.125, 4]);
  const validation = readValidation(
    table([
      [1, 2, 3],
      [4, 5, 6],
    ]),
  );
  expect([[...validation.steps], [...validation.losses]]).toEqual([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  expect(readPoints(table([])).steps).toHaveLength(0);
});

test("a point is smoothed over a fortieth of all points on either side, and over fewer at the ends", () => {
  const spike = new Float32Array(80);
  spike[40] = 5;
  const smoothed = smooth(spike);
  expect([...smoothed.subarray(37, 44)]).toEqual([0, 1, 1, 1, 1, 1, 0]);
  const ramp = smooth(Float32Array.from({ length: 80 }, (_, i) => i));
  expect([ramp[0], ramp[1], ramp[2], ramp[79]]).toEqual([1, 1.5, 2, 78]);
});

test("what is not finite stays so, and does not spread", () => {
  const values = new Float32Array(40).fill(1);
  values[20] = Number.NaN;
  expect(smooth(values)).toEqual(values);
});

test("a path has gaps where a point is not finite", () => {
  expect(pathThrough([0, 0.25, 0.5, 0.75, 1], [0, 1, Number.NaN, 1, 0])).toBe("M0,0L0.25,1M0.75,1L1,0");
  expect(pathThrough([], [])).toBe("");
});
