import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Frame } from "../../src/plot/frame";
import { trainingCurves } from "../../src/training/training_curves";
import { curve, curves, mockModel, type State } from "../mock_model";

const [INF, NAN] = [Number.POSITIVE_INFINITY, Number.NaN];

// jsdom lays nothing out: the picture is 300 pixels wide and 300 high, and the labels are on its right.
beforeEach(() => {
  vi.spyOn(Element.prototype, "getBoundingClientRect").mockImplementation(function (this: Element) {
    return { left: this.classList.contains("autolr-ends") ? 300 : 0, top: 0, width: 300, height: 300 } as DOMRect;
  });
});
afterEach(() => vi.restoreAllMocks());

const RATES = curve([1e-3, 1e-2, 1e-1, 1], [[], [], [], [], []]);
const CURVES = curves([
  [4, 4, 4],
  [4, 3, 2],
  [4, 2, 0],
  [4, INF, INF],
]);

function show(state: Partial<State> = {}) {
  const mock = mockModel({ ...RATES, ...CURVES, curves_of: "Round 1", selected_lr: 1e-2, ...state });
  const controller = new AbortController();
  const frame = new Frame(mock.model, controller.signal);
  const node = trainingCurves(frame);
  document.body.replaceChildren(node);
  const all = (name: string) => [...node.querySelectorAll(`.autolr-${name}`)] as HTMLElement[];
  const texts = (name: string) => all(name).map((one) => one.textContent);
  const picture = all("losses")[0] as HTMLElement;
  const point = (type: string, clientX: number, clientY: number) =>
    picture.dispatchEvent(new MouseEvent(type, { clientX, clientY }));
  return { ...mock, frame, node, picture, all, texts, point, end: () => controller.abort() };
}

test("a line per rate, labelled at its end from top to bottom", () => {
  const view = show();
  const paths = [...view.node.querySelectorAll(".autolr-lines path.autolr-rate-colored")];
  expect(new Set(paths.map((path) => path.getAttribute("d")))).toEqual(
    new Set(["M0,0", "M0,0L0.5,0L1,0", "M0,0L0.5,0.25L1,0.5", "M0,0L0.5,0.5L1,1"]),
  );
  const labels = view.all("end-label").sort((a, b) => Number.parseFloat(a.style.top) - Number.parseFloat(b.style.top));
  expect(labels.map((label) => label.textContent)).toEqual(["\u00d71", "0.001", "0.01", "0.1"]);
  expect(view.all("leads")[0]?.children).toHaveLength(3);
});

test("the rounds that it is of, and what its signs mean", () => {
  const view = show();
  expect(view.texts("help")).toEqual(["Round 1 \u00b7 \u00d7 diverged"]);
  view.model.set(
    "curves",
    curves([
      [4, 0],
      [4, 9],
      [4, 4],
      [4, 4],
    ]).curves,
  );
  expect(view.texts("help")).toEqual(["Round 1 \u00b7 \u25b2 continues above"]);
  expect(view.texts("mark")).toEqual(["\u25b2"]);
});

test("the picture in words", () => {
  const label = show().picture.getAttribute("aria-label");
  expect(label).toContain("0.01, the chosen rate: 2 at step 3; 0.1: 0 at step 3; 1: diverged at step 2");
});

test("in the first round the labels follow the lines", () => {
  const view = show({
    ...curves([
      [4, 4, NAN, NAN, NAN],
      [4, 3, NAN, NAN, NAN],
      [4, 2, NAN, NAN, NAN],
      [4, 1, NAN, NAN, NAN],
    ]),
  });
  expect(view.all("ends")[0]?.style.left).toBe("25%");
});

test.each([
  ["an empty picture before the first round", { curves: mockModel().model.get("curves") }, false],
  ["none for one step", { ...curves([[4], [4], [4], [4]]) }, true],
  ["none if there will be one step", { curves: mockModel().model.get("curves"), horizon: 1 }, true],
  ["none for a saved run of version 1", { curves: mockModel().model.get("curves"), replay: true }, true],
  ["the former run's until the next one", { horizon: 1 }, false],
])("%s", (_, state, gone) => {
  expect(show(state).node.classList.contains("autolr-gone")).toBe(gone);
});

test("before the first round the axis has the steps that will be taken", () => {
  const view = show({ curves: mockModel().model.get("curves"), curves_of: "" });
  expect(view.texts("axis-step")).toEqual(["1", "10", "20", "30", "40", "50", "training step"]);
  expect(view.texts("axis-loss")).toEqual(["loss on each batch"]);
  expect(view.texts("help")).toEqual(["A line per rate, from the first round on"]);
});

test("the chosen rate's line is strong, also while it is dragged in the other picture", () => {
  const view = show();
  const strong = () => view.texts("end-label.autolr-strong");
  expect(strong()).toEqual(["0.01"]);
  view.frame.point({ dragged: 0.1 });
  expect(strong()).toEqual(["0.1"]);
  view.frame.point({ dragged: undefined });
  view.model.set("selected_lr", 1e-3);
  expect(strong()).toEqual(["0.001"]);
});

test("a rate under the pointer in the other picture lights up here, above all others", () => {
  const view = show();
  view.frame.point({ hovered: 2 });
  expect(view.texts("end-label.autolr-hovered")).toEqual(["0.1"]);
  expect(view.all("lines")[0]?.lastElementChild?.classList.contains("autolr-hovered")).toBe(true);
  expect(view.picture.classList.contains("autolr-dimmed")).toBe(true);
});

test("a line under the pointer is a rate under the pointer, and a click chooses it", () => {
  const view = show();
  view.point("pointermove", 290, 285);
  expect(view.frame.pointing.hovered).toBe(2);
  view.point("click", 290, 285);
  expect(view.saved.map(({ selected_lr, pinned }) => [selected_lr, pinned])).toEqual([[0.1, true]]);
  view.point("pointerleave", 0, 0);
  expect(view.frame.pointing.hovered).toBe(-1);
});

test("the histogram is of the rate under the pointer, then of the chosen one", () => {
  const view = show({ probed: 0 });
  view.point("pointermove", 290, 285);
  expect(view.saved.at(-1)?.probed).toBe(2);
  view.point("pointerleave", 0, 0);
  expect(view.saved.at(-1)?.probed).toBe(1);
});

test("a label stands for its line", () => {
  const view = show();
  view.point("click", 320, 152);
  expect(view.saved.map(({ selected_lr }) => selected_lr)).toEqual([0.01]);
  view.point("click", 320, 200);
  expect(view.saved).toHaveLength(1);
});

test("a click beside the lines, or on a linear grid's 0, chooses nothing", () => {
  const view = show({
    ...curve([0, 1], [[], [], [], [], []]),
    ...curves([
      [4, 4],
      [4, 0],
    ]),
  });
  view.point("click", 290, 150);
  view.point("click", 290, 2);
  expect(view.saved).toEqual([]);
});

test("of many lines, one without a label gets one under the pointer", () => {
  const rates = Array.from({ length: 50 }, (_, i) => 10 ** (-i / 10));
  const view = show({
    ...curve([...rates].reverse(), [[], [], [], [], []]),
    ...curves(rates.map((_, i) => [4, i / 50])),
  });
  expect(view.all("end-label")).toHaveLength(12);
  view.frame.point({ hovered: 1 });
  expect(view.all("end-label")).toHaveLength(13);
  view.frame.point({ hovered: -1 });
  expect(view.all("end-label")).toHaveLength(12);
});

test("closing removes the listeners", () => {
  const view = show();
  view.end();
  expect(view.listening()).toBe(0);
});

test("it grows at the third stage of an explained round", () => {
  const view = show({ explain: true, stage: 2 });
  const growing = () => view.node.querySelector(".autolr-growing") !== null;
  expect(growing()).toBe(false);
  view.model.set("stage", 3);
  expect(growing()).toBe(true);
  view.model.set("explain", false);
  expect(growing()).toBe(false);
});
