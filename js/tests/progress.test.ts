import { expect, test } from "vitest";
import { addMoment, type Moment, progressText, rate } from "../src/progress";

test.each([
  [[], undefined],
  [[{ time: 0, round: 0 }], undefined],
  [
    [
      { time: 0, round: 0 },
      { time: 2, round: 0 },
    ],
    undefined,
  ],
  [
    [
      { time: 0, round: 0 },
      { time: 2, round: 10 },
    ],
    5,
  ],
  [
    [
      { time: 1, round: 5 },
      { time: 1, round: 9 },
    ],
    undefined,
  ],
  [
    [
      { time: 0, round: 0 },
      { time: 1, round: 10 },
      { time: 4, round: 20 },
    ],
    5,
  ],
] as [Moment[], number | undefined][])("rate of %j is %s", (moments, expected) => {
  expect(rate(moments)).toBe(expected);
});

test("the rate is that of the last seconds", () => {
  let moments: Moment[] = [];
  for (let second = 0; second <= 20; second++) moments = addMoment(moments, { time: second, round: second });
  for (let second = 21; second <= 30; second++)
    moments = addMoment(moments, { time: second, round: 20 + 10 * (second - 20) });
  expect(rate(moments)).toBe(10);
  expect(moments.length).toBeLessThan(8);
});

test("rounds slower than the window still have a rate", () => {
  const moments = addMoment(addMoment([], { time: 0, round: 1 }), { time: 30, round: 2 });
  expect(rate(moments)).toBeCloseTo(1 / 30);
});

test.each([
  ["the last five seconds", [0, 1, 3], { time: 6, round: 9 }, [1, 3, 6]],
  ["the newest, if all are older", [0, 1, 3], { time: 30, round: 9 }, [3, 30]],
  ["a moment without a new round", [0, 1, 3], { time: 4, round: 3 }, [0, 1, 3, 4]],
  ["only the new run's", [0, 1, 3], { time: 4, round: 2 }, [4]],
])("moments kept: %s", (_, times, moment, kept) => {
  const moments = addMoment(
    times.map((time) => ({ time, round: time })),
    moment,
  );
  expect(moments.map(({ time }) => time)).toEqual(kept);
});

test.each([
  [0, 100, undefined, "0 of 100 rounds"],
  [100, 50, undefined, "100 of 100 rounds"],
  [1, 1, undefined, "1 of 1 round"],
  [0, 60, 1, "0 of 60 rounds · 1.0 per second · 1 min 0 s left"],
  [0, 3600, 1, "0 of 3600 rounds · 1.0 per second · 1 h 0 min left"],
  [0, 100, 100, "0 of 100 rounds · 100 per second · 1 s left"],
  [37, 100, 12.345, "37 of 100 rounds · 12 per second · 6 s left"],
  [1, 2000, 0.5, "1 of 2000 rounds · 0.50 per second · 1 h 6 min left"],
  [50, 200, 2, "50 of 200 rounds · 2.0 per second · 1 min 15 s left"],
  [100, 100, 123.4, "100 of 100 rounds · 123 per second · 0 s left"],
])("progress of %i of %i", (round, total, perSecond, text) => {
  expect(progressText(round, total, perSecond)).toBe(text);
});
