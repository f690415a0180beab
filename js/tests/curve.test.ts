import { expect, test } from "vitest";
import { beyond, formatChange, readCurve, readout } from "../src/curve";
import { marks } from "../src/marks";
import { curve } from "./mock_model";

const BYTES = curve(
  [1e-3, 1e-2, 1e-1],
  [
    [-0.5, 2, Number.NaN],
    [-0.625, Number.NaN, Number.NaN],
    [-0.375, Number.NaN, Number.NaN],
    [10, 1, 0],
    [0, 3, 10],
  ],
);
const CURVE = readCurve(BYTES.rates as DataView, BYTES.table as DataView);

test("the kernel's bytes, wherever they lie in their buffer", () => {
  expect([...CURVE.rates]).toEqual([1e-3, 1e-2, 1e-1]);
  expect([...CURVE.diverged]).toEqual([0, 3, 10]);
  const shifted = new Uint8Array(4 + 8);
  shifted.set(new Uint8Array(new Float64Array([0.25]).buffer), 4);
  expect([...readCurve(new DataView(shifted.buffer, 4), new DataView(new ArrayBuffer(0))).rates]).toEqual([0.25]);
});

test("without a table all is unknown", () => {
  expect(readout(readCurve(BYTES.rates as DataView, new DataView(new ArrayBuffer(0))), 0)).toEqual([]);
});

test("what is read at a rate", () => {
  expect(readout(CURVE, 0)).toEqual([
    ["mean", "\u22120.5"],
    ["band", "\u22120.625 to \u22120.375"],
    ["rounds", "10"],
  ]);
  expect(readout(CURVE, 1)).toEqual([
    ["mean", "2"],
    ["rounds", "1"],
    ["diverged in", "3"],
  ]);
  expect(readout(CURVE, 2)).toEqual([
    ["rounds", "0"],
    ["diverged in", "10"],
  ]);
});

test("how far the curve leaves the picture", () => {
  expect(beyond(CURVE, 1)).toBe(2);
  expect(beyond(CURVE, 3)).toBeUndefined();
});

test.each([
  [0, "0"],
  [-0.12345, "\u22120.123"],
  [12345.6, "12300"],
  [4.567e-5, "4.57e\u22125"],
  [-1.5e36, "\u22121.5e+36"],
])("%f is shown as %s", (value, text) => {
  expect(formatChange(value)).toBe(text);
});

const AXIS = { low: 1e-4, high: 1, log: true };

test("marks go from left to right, and those outside are left out", () => {
  const found = marks({ b: 0.1, a: 1e-3, outside: 2, zero: 0 }, AXIS, "mean", 0.03);
  expect(found.map(({ names }) => names)).toEqual([["a"], ["b"]]);
  expect(found.map(({ place }) => place)).toEqual([expect.closeTo(0.25), expect.closeTo(0.75)]);
});

test("rules that agree share a mark; the one at work comes first, and what has no room is counted", () => {
  const many = Object.fromEntries(["significant", "steepest", "largest", "cautious"].map((name) => [name, 0.01]));
  const [mark] = marks(many, AXIS, "cautious", 0.03);
  expect(mark?.names).toEqual(["cautious", "significant"]);
  expect(mark?.more).toEqual(["steepest", "largest"]);
});
