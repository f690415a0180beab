import { expect, test } from "vitest";
import { beyond, formatChange, readCurve, readout } from "../src/curve";
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
// Read in the tests: Stryker does not change what runs before them.
const measured = () => readCurve(BYTES.rates, BYTES.table);

test("the kernel's bytes, at any offset in their buffer", () => {
  expect([...measured().rates]).toEqual([1e-3, 1e-2, 1e-1]);
  expect([...measured().diverged]).toEqual([0, 3, 10]);
  const shifted = new Uint8Array(4 + 8);
  shifted.set(new Uint8Array(new Float64Array([0.25]).buffer), 4);
  expect([...readCurve(new DataView(shifted.buffer, 4), new DataView(new ArrayBuffer(0))).rates]).toEqual([0.25]);
});

test("without a table there is nothing to read", () => {
  const empty = readCurve(BYTES.rates, new DataView(new ArrayBuffer(0)));
  expect([...empty.mean]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  expect(readout(empty, 0)).toEqual([]);
});

test("the readout at a rate", () => {
  expect(readout(measured(), 0)).toEqual([
    ["mean", "\u22120.5"],
    ["band", "\u22120.625 to \u22120.375"],
    ["rounds", "10"],
  ]);
  expect(readout(measured(), 1)).toEqual([
    ["mean", "2"],
    ["rounds", "1"],
    ["diverged in", "3"],
  ]);
  expect(readout(measured(), 2)).toEqual([
    ["rounds", "0"],
    ["diverged in", "10"],
  ]);
});

test("how far the curve continues above the chart", () => {
  expect(beyond(measured(), 1)).toBe(2);
  expect(beyond(measured(), 2)).toBeUndefined();
});

test.each([
  [0, "0"],
  [-0.12345, "\u22120.123"],
  [12345.6, "12300"],
  [123456, "1.23e+5"],
  [1e5, "1e+5"],
  [0.001, "0.001"],
  [4.567e-5, "4.57e\u22125"],
  [-1.5e36, "\u22121.5e+36"],
])("%f is shown as %s", (value, text) => {
  expect(formatChange(value)).toBe(text);
});
