import { expect, test } from "vitest";
import { labelled, spread } from "../../src/training/labels";
import type { Shape } from "../../src/training/shapes";

const shapes = (count: number) =>
  Array.from({ length: count }, (_, index): Shape => ({ index, points: [], ending: "open", end: [1, 0.5] }));
const indices = (some: Shape[]) => some.map(({ index }) => index);

test("a few lines are all labelled", () => {
  expect(indices(labelled(shapes(9), -1))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

test("of many, some from the first to the last are, and the chosen rate's is always", () => {
  expect(indices(labelled(shapes(100), -1))).toEqual([0, 9, 18, 27, 36, 45, 54, 63, 72, 81, 90, 99]);
  expect(indices(labelled(shapes(100), 54))).toEqual(indices(labelled(shapes(100), -1)));
  expect(indices(labelled(shapes(100), 56))).toEqual([0, 9, 18, 27, 36, 45, 56, 63, 72, 81, 90, 99]);
});

test.each([
  ["places that are apart stay", [0.1, 0.9, 0.5], [0.1, 0.9, 0.5]],
  ["two that touch move apart by the same", [0.5, 0.55], [0.475, 0.575]],
  ["equal ones keep their order", [0.5, 0.5, 0.5], [0.4, 0.5, 0.6]],
  ["a pile pushes the next one into itself", [0.5, 0.5, 0.58], [0.4267, 0.5267, 0.6267]],
  ["none leaves the top", [0, 0, 0.05], [0, 0.1, 0.2]],
  ["none leaves the bottom", [1, 1, 0.95], [0.9, 1, 0.8]],
  ["without any", [], []],
])("%s", (_, places, spreadOut) => {
  spread(places, 0.1).forEach((place, i) => {
    expect(place).toBeCloseTo(spreadOut[i] as number, 3);
  });
});

test("as many as there is room for fill the height", () => {
  expect(spread(Array(11).fill(0.2), 0.1).map((place) => Number(place.toFixed(6)))).toEqual([
    0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1,
  ]);
});
