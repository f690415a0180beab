import { expect, test } from "vitest";
import { readCurves } from "../../src/training/lines";

const [INF, NAN] = [Number.POSITIVE_INFINITY, Number.NaN];

function read(values: number[], rates: number) {
  const { horizon, lines } = readCurves(new DataView(new Float32Array(values).buffer), rates);
  return { horizon, lines: lines.map(({ losses, diverged }) => [[...losses], diverged]) };
}

test("a line ends where it diverged, or where it is not known yet", () => {
  expect(read([3, 2, 1, 3, 4, INF, 3, NAN, NAN, NAN, NAN, NAN], 4)).toEqual({
    horizon: 3,
    lines: [
      [[3, 2, 1], false],
      [[3, 4], true],
      [[3], false],
      [[], false],
    ],
  });
});

test("bytes that begin anywhere in a message are read", () => {
  const message = new Uint8Array([9, ...new Uint8Array(new Float32Array([3, 2]).buffer)]);
  expect([...(readCurves(new DataView(message.buffer, 1), 1).lines[0]?.losses ?? [])]).toEqual([3, 2]);
});

test.each([
  [[], 2],
  [[], 0],
  // The rates of the next run have come before its curves.
  [[1, 2, 3], 2],
])("%j are no curves of %d rates", (values, rates) => {
  expect(read(values, rates)).toEqual({ horizon: 0, lines: [] });
});
