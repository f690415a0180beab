import { expect, test } from "vitest";
import { Frame } from "../../src/plot/frame";
import { rateTicks } from "../../src/training/rate_ticks";
import { curve, curves, mockModel } from "../mock_model";

test("each rate that has a line has its colour on the axis", () => {
  const { model } = mockModel(curve([1e-3, 1e-2, 1], [[], [], [], [], []]));
  const node = rateTicks(new Frame(model, new AbortController().signal));
  expect(node.children).toHaveLength(0);
  model.set("curves", curves([[2], [2], [2]]).curves);
  const ticks = [...node.children] as HTMLElement[];
  expect(ticks.map((tick) => Number.parseFloat(tick.style.left).toFixed(1))).toEqual(["0.0", "33.3", "100.0"]);
  expect(new Set(ticks.map((tick) => tick.style.getPropertyValue("--autolr-on-light"))).size).toBe(3);
});
