import type { AnyModel } from "@anywidget/types";
import { expect, test } from "vitest";
import { explain, words } from "../src/explain";
import { type Paced, pace } from "../src/pacer";
import type { Lesson } from "../src/screen";
import { curve, mockModel, type State } from "./mock_model";

const LESSON: Lesson = {
  round: 2,
  observations: 100,
  batch_size: 8,
  horizon: 1,
  drawn: [0.1, 0.5],
  rates: [1e-3, 1e-2, 1e-1, 1],
  before: 2,
  after: [1.5, 1, 5, null],
};

function showStage(stage: number, more: Partial<State> = {}) {
  const mock = mockModel({ ...curve([1e-3, 1e-2, 1e-1, 1], []), explain: true, lesson: LESSON, stage, ...more });
  const { signal } = new AbortController();
  const pacer = pace(mock.model as unknown as AnyModel<Paced>);
  const node = explain(mock.model, pacer, signal);
  pacer.stop();
  const button = (name: string) =>
    [...node.querySelectorAll("button")].find((one) => one.textContent === name) as HTMLButtonElement;
  const count = (name: string) => node.querySelectorAll(`.autolr-${name}`).length;
  return { ...mock, node, button, count };
}

test("the explanation goes forward and back between its first and last stage", () => {
  const view = showStage(1);
  expect(view.button("Back").disabled).toBe(true);
  view.button("Next").click();
  expect(view.model.get("stage")).toBe(2);
  view.button("Back").click();
  expect(view.model.get("stage")).toBe(1);
});

test.each([
  [1, { drawn: 2 }],
  [2, { before: 1, after: 0 }],
  [3, { before: 1, start: 4, after: 0 }],
  [4, { before: 1, after: 3, broke: 1 }],
  [5, { fell: 2, rose: 2, after: 3 }],
])("stage %i shows %o", (stage, shown) => {
  const view = showStage(stage);
  for (const [name, times] of Object.entries(shown)) expect([name, view.count(name)]).toEqual([name, times]);
});

test("its picture makes room for the chart at the last stage", () => {
  const gone = (stage: number) => showStage(stage).node.querySelector(".autolr-picture.autolr-gone") !== null;
  expect([0, 1, 5, 6].map(gone)).toEqual([true, false, false, true]);
  expect(showStage(3).node.dataset.stage).toBe("3");
});

test("without the explanation, the chart is never covered", () => {
  const { model, node } = showStage(3);
  model.set("explain", false);
  expect(node.querySelector(".autolr-picture.autolr-gone")).not.toBeNull();
  expect(node.dataset.stage).toBe("0");
});

test("its words describe this round", () => {
  expect(words(LESSON, 1)[1]).toContain("A batch of round 2 has 8 of the 100 observations, drawn at random");
  expect(words({ ...LESSON, observations: 1797 }, 1)[1]).toContain("8 of the 1,797 observations");
  expect(words(LESSON, 3)[1]).toContain(
    "copied 4 times, once for each learning rate, and each copy takes one training step.",
  );
  expect(words({ ...LESSON, horizon: 25 }, 3)[1]).toContain("25 training steps, each on a fresh batch");
  expect(words({ ...LESSON, horizon: 25 }, 3)[1]).toContain("The lines show the loss of each copy");
  expect(words(LESSON, 3)[1]).not.toContain("lines");
  expect(words(LESSON, 5)[1]).toContain("2 of 4 rates lowered the loss, and 1 broke the model.");
  expect(words({ ...LESSON, observations: null, drawn: [] }, 1)[1]).toContain(
    "A batch of round 2 has 8 observations, in the order of the data",
  );
  expect(words(LESSON, 4)[1]).toContain("the steps were too long");
  expect(words({ ...LESSON, after: [1, 0.9, 0.5, 0.2] }, 4)[1]).not.toContain("too long");
});

test("before the first round it says what to press", () => {
  const { node, model } = showStage(0);
  expect(node.textContent).toContain("Press Next");
  model.set("explain", false);
  expect(node.classList.contains("autolr-gone")).toBe(true);
});

test("while the first round is measured it says to wait, because Next can't be pressed", () => {
  const { node, model } = showStage(0, { status: "running" });
  expect(node.textContent).toContain("Wait until the tuner pauses. Each stage");
  expect(node.textContent).not.toContain("Press Next");
  model.set("status", "paused");
  expect(node.textContent).toContain("Press Next");
});

test.each([0, 6])("Next begins another round at stage %d", (stage) => {
  const view = showStage(stage);
  view.button("Next").click();
  expect(view.sent).toEqual([{ type: "step" }]);
  expect(view.model.get("stage")).toBe(stage);
});

test.each([{ status: "running" }, { status: "done" }, { replay: true }])("with %o it can't", (state) => {
  const { node, button } = showStage(6, state as Partial<State>);
  expect(button("Next").disabled).toBe(true);
  expect(node.textContent).not.toContain("Press Next");
  expect(showStage(5, state as Partial<State>).button("Next").disabled).toBe(false);
});
