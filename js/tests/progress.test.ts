import { expect, test } from "vitest";
import { addMoment, type Moment, priceText, progressText, speed, stepsOf } from "../src/progress";

test.each([
  [[], undefined],
  [[{ time: 0, steps: 0 }], undefined],
  [
    [
      { time: 0, steps: 0 },
      { time: 2, steps: 0 },
    ],
    undefined,
  ],
  [
    [
      { time: 0, steps: 0 },
      { time: 2, steps: 10 },
    ],
    5,
  ],
  [
    [
      { time: 0, steps: 0 },
      { time: 0.9, steps: 10 },
    ],
    undefined,
  ],
  [
    [
      { time: 1, steps: 5 },
      { time: 1, steps: 9 },
    ],
    undefined,
  ],
  [
    [
      { time: 0, steps: 0 },
      { time: 1, steps: 10 },
      { time: 4, steps: 20 },
    ],
    5,
  ],
] as [Moment[], number | undefined][])("speed of %j is %s", (moments, expected) => {
  expect(speed(moments)).toBe(expected);
});

test("the speed is that of the last seconds", () => {
  let moments: Moment[] = [];
  for (let second = 0; second <= 20; second++) moments = addMoment(moments, { time: second, steps: second });
  for (let second = 21; second <= 30; second++)
    moments = addMoment(moments, { time: second, steps: 20 + 10 * (second - 20) });
  expect(speed(moments)).toBe(10);
  expect(moments.length).toBeLessThan(8);
});

test("steps slower than the window still have a speed", () => {
  const moments = addMoment(addMoment([], { time: 0, steps: 1 }), { time: 30, steps: 2 });
  expect(speed(moments)).toBeCloseTo(1 / 30);
});

test.each([
  ["the last five seconds", [0, 1, 3], { time: 6, steps: 9 }, [1, 3, 6]],
  ["the newest, if all are older", [0, 1, 3], { time: 30, steps: 9 }, [3, 30]],
  ["a moment without a new step", [0, 1, 3], { time: 4, steps: 3 }, [0, 1, 3, 4]],
  ["only the new run's", [0, 1, 3], { time: 4, steps: 2 }, [4]],
])("moments kept: %s", (_, times, moment, kept) => {
  const moments = addMoment(
    times.map((time) => ({ time, steps: time })),
    moment,
  );
  expect(moments.map(({ time }) => time)).toEqual(kept);
});

const steps = (finished: number, current: number, round = 50) => ({ finished, current, round, seconds_per_step: null });

test.each([
  [steps(0, 0), 0, 10, { taken: 0, all: 500 }],
  [steps(50, 20), 1, 10, { taken: 70, all: 500 }],
  // In a race, later rounds take fewer steps.
  [steps(80, 0, 30), 2, 10, { taken: 80, all: 320 }],
  // The number of rounds is set below those that are finished.
  [steps(500, 0), 10, 5, { taken: 500, all: 500 }],
  [steps(500, 20), 10, 5, { taken: 520, all: 520 }],
])("%j after %i of %i rounds", (some, round, total, expected) => {
  expect(stepsOf(some, round, total)).toEqual(expected);
});

test.each([
  [steps(0, 0), 0, 1, undefined, "0 of 1 round \u00b7 0 of 50 training steps"],
  [steps(500, 0), 10, 10, undefined, "10 of 10 rounds \u00b7 500 training steps"],
  [steps(500, 0), 10, 5, undefined, "10 of 10 rounds \u00b7 500 training steps"],
  [steps(0, 10), 0, 100, 1000, "0 of 100 rounds \u00b7 10 of 5,000 training steps \u00b7 about 5 s left"],
  [steps(0, 10), 0, 2, 1000, "0 of 2 rounds \u00b7 10 of 100 training steps \u00b7 about 1 s left"],
  [
    steps(0, 10),
    0,
    100,
    2,
    "0 of 100 rounds \u00b7 10 of 5,000 training steps \u00b7 25 s per round \u00b7 about 42 min left",
  ],
  [
    steps(0, 0),
    0,
    100,
    0.5,
    "0 of 100 rounds \u00b7 0 of 5,000 training steps \u00b7 2 min per round \u00b7 about 2 h 47 min left",
  ],
])("progress of %j after %i of %i rounds at %d steps per second", (some, round, total, perSecond, text) => {
  expect(progressText(some, round, total, perSecond)).toBe(text);
});

test.each([
  [10, 9, 55, null, "10 rounds \u00d7 9 rates \u00d7 55 steps = 4,950 training steps"],
  [1, 2, 1, 0.3, "1 round \u00d7 2 rates \u00d7 1 step = 2 training steps, about 1 s"],
  [10, 9, 55, 0.3, "10 rounds \u00d7 9 rates \u00d7 55 steps = 4,950 training steps, about 25 min"],
  [10, 9, 40, 1, "10 rounds \u00d7 9 rates \u00d7 40 steps = 3,600 training steps, about 1 h"],
])("price of %i rounds, %i rates and %i steps", (rounds, rates, horizon, seconds, text) => {
  expect(priceText(rounds, rates, horizon, seconds)).toBe(text);
});
