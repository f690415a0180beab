import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { element } from "../../src/element";
import { Frame } from "../../src/plot/frame";
import { legend } from "../../src/plot/pinned_runs";
import { plot } from "../../src/plot/plot";
import { withValues } from "../../src/screen";
import { curve, mockModel, type State } from "../mock_model";

// jsdom lays nothing out: the plot is 300 pixels wide, a decade of learning rates 100.
beforeEach(() => {
  vi.stubGlobal(
    "ResizeObserver",
    class {
      observe() {}
      disconnect() {}
    },
  );
  vi.spyOn(Element.prototype, "getBoundingClientRect").mockReturnValue({ left: 0, width: 300 } as DOMRect);
  vi.spyOn(Element.prototype, "clientWidth", "get").mockReturnValue(300);
  Element.prototype.setPointerCapture = () => {};
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const CURVE = curve(
  [1e-3, 1e-2, 1e-1, 1],
  [
    [0, -1, -0.5, 4],
    [-0.1, -1.1, -0.6, 3],
    [0.1, -0.9, -0.4, 5],
    [10, 10, 10, 7],
    [0, 0, 0, 3],
  ],
);

function show(state: Partial<State> = {}) {
  const mock = mockModel({ ...CURVE, round: 10, selected_lr: 1e-2, ...state });
  const controller = new AbortController();
  const frame = new Frame(mock.model, controller.signal);
  const node = element("div", {}, plot(frame), legend(frame));
  const end = () => controller.abort();
  document.body.replaceChildren(node);
  const find = (name: string) => node.querySelector(`.autolr-${name}`) as HTMLElement;
  const point = (where: string, type: string, clientX: number) =>
    find(where).dispatchEvent(
      Object.assign(new MouseEvent(type, { clientX, bubbles: true }), { pointerId: 1, isPrimary: true }),
    );
  const press = (key: string) => find("chosen").dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  const button = (name: string) => node.querySelector(`button[aria-label="${name}"]`) as HTMLButtonElement;
  const gone = (name: string) => find(name).classList.contains("autolr-gone");
  return { ...mock, node, end, find, point, press, button, gone };
}

test("the choice is a slider with its readout as value", () => {
  const line = show().find("chosen");
  expect(line.style.left).toMatch(/^33\.3/);
  expect(line.getAttribute("aria-valuenow")).toBe("33.3");
  expect(line.getAttribute("aria-valuetext")).toBe("0.01, mean \u22121, band \u22121.1 to \u22120.9, rounds 10");
});

test.each([
  ["ArrowRight", 0.0107],
  ["ArrowUp", 0.0107],
  ["ArrowLeft", 0.00933],
  ["ArrowDown", 0.00933],
  ["PageUp", 0.02],
  ["PageDown", 0.00501],
  ["Home", 1e-3],
  ["End", 1],
])("%s moves it", (key, rate) => {
  const view = show();
  view.press(key);
  expect(view.saved.at(-1)?.selected_lr).toBe(rate);
});

test("dragging shows the rates on the way, and chooses the last of them once", () => {
  const view = show();
  view.point("area", "pointerdown", 95);
  view.point("area", "pointermove", 160);
  view.point("area", "pointermove", 190);
  expect(view.find("chosen").style.left).toMatch(/^63\.3/);
  expect(view.saved).toEqual([]);
  view.point("area", "pointerup", 190);
  expect(view.saved.map((state) => state.selected_lr)).toEqual([0.0794]);
});

test("pressing and releasing the line pins the current choice", () => {
  const view = show({ selected_lr: 0.02 });
  view.point("chosen", "pointerdown", 130);
  view.point("chosen", "pointermove", 132);
  view.point("chosen", "pointerup", 132);
  expect(view.saved.map(({ selected_lr, pinned }) => [selected_lr, pinned])).toEqual([[0.02, true]]);
});

test("a drag out of the plot ends at the last rate", () => {
  const view = show();
  view.point("area", "pointerdown", 100);
  view.point("area", "pointermove", 900);
  view.point("area", "pointerup", 900);
  expect(view.saved.at(-1)?.selected_lr).toBe(1);
});

test("between two measured rates the line says whose numbers it shows", () => {
  const line = show({ selected_lr: 0.02 }).find("chosen");
  expect(line.getAttribute("aria-valuetext")).toMatch(/^0\.02, nearest measured 0\.01, mean/);
});

test("marks and legend keep their elements during a run, so that a press is not lost", () => {
  const view = show({
    choices: { mean: 1e-2 },
    pins: [{ letter: "A", color: "#ff0000", words: "SGD", name: "", rate: 0.1, change: -0.5 }],
  });
  const mark = view.node.querySelector(".autolr-tick button");
  const remove = view.button("Unpin A");
  view.model.set("choices", { mean: 1e-1 });
  view.model.set("this_run", "2 rounds");
  view.model.set("limits", [-2, 2]);
  expect(view.node.querySelector(".autolr-tick button")).toBe(mark);
  expect((view.node.querySelector(".autolr-tick") as HTMLElement).style.left).toMatch(/^66/);
  expect(view.button("Unpin A")).toBe(remove);
  expect(view.find("legend").textContent).toContain("2 rounds");
});

test("a linear grid's 0 can't be chosen", () => {
  const view = show({ ...curve([0, 1], [[], [], [], [], []]), view: [0, 1], full_view: [0, 1], selected_lr: 1 });
  view.point("area", "pointerdown", 0);
  view.point("area", "pointerup", 0);
  view.press("Home");
  expect(view.saved).toEqual([]);
});

test("the pointer reads the nearest rate", () => {
  const view = show();
  expect(view.gone("readout")).toBe(true);
  view.point("area", "pointermove", 290);
  expect([...view.find("readout").children].map((one) => one.textContent)).toEqual([
    "rate",
    "1",
    "mean",
    "4",
    "band",
    "3 to 5",
    "rounds",
    "7",
    "diverged in",
    "3",
  ]);
  view.point("area", "pointerleave", 290);
  expect(view.gone("readout")).toBe(true);
});

test("the means are dots, except where a rate diverged or the mean is above the chart", () => {
  const view = show({ limits: [-2, 2] });
  const dots = [...view.node.querySelectorAll<HTMLElement>(".autolr-point")];
  const places = dots.map(({ style }) => [style.left, style.top].map((place) => Math.round(Number.parseFloat(place))));
  expect(places).toEqual([
    [0, 50],
    [33, 75],
    [67, 63],
  ]);
});

test("the diverged area and the end of a curve above the chart are described", () => {
  const view = show({ limits: [-1.2, 1] });
  expect(view.find("diverged").textContent).toBe("diverged in 3 rounds");
  expect(view.find("diverged").style.left).toMatch(/^83\.3/);
  expect(view.find("beyond").textContent).toBe("\u25b2 the curve continues to 4");
  view.model.set("limits", [-1.2, 5]);
  expect(view.find("beyond").textContent).toBe("");
});

test("the interval is shaded, if there is one", () => {
  const view = show({ interval: [1e-2, 1e-1] });
  expect(view.find("interval").style.width).toMatch(/^33\.3/);
  view.model.set("interval", []);
  expect(view.gone("interval")).toBe(true);
});

test("a rule's mark makes the rule the current one, and the focus stays on its name", () => {
  const view = show({ choices: { mean: 1e-2, steepest: 1e-1 } });
  const mark = [...view.node.querySelectorAll("button")].find((one) => one.textContent === "steepest");
  mark?.focus();
  mark?.click();
  expect(view.sent).toEqual([{ type: "use_rule" }]);
  expect(view.saved.at(-1)?.method).toBe("steepest");
  expect(document.activeElement?.textContent).toBe("steepest");
  expect(document.activeElement).not.toBe(mark);
});

test("the letters of runs with the same lowest point stand side by side", () => {
  const run = { color: "#ff0000", words: "SGD", name: "", change: -0.5 };
  const rates = { A: 0.1, B: 0.1, C: 1e-2, D: 0.102 };
  const pins = Object.entries(rates).map(([letter, rate]) => ({ ...run, letter, rate }));
  const letters = [...show({ pins }).find("letters").children] as HTMLElement[];
  expect(letters.map((one) => one.style.translate)).toEqual(["0em", "1em", "0em", "2em"]);
});

test("after a rule's mark, Run does not bring the dragged rate back", () => {
  const view = show({ choices: { steepest: 1e-1 } });
  view.press("End");
  view.node.querySelector<HTMLElement>(".autolr-tick button")?.click();
  expect(withValues(view.model, { type: "start" })).toEqual({ type: "start", values: { method: "steepest" } });
});

test("a drag along the axis zooms, a double click shows all again", () => {
  const view = show();
  view.point("strip", "pointerdown", 200);
  view.point("strip", "pointermove", 150);
  expect(view.gone("brush")).toBe(false);
  view.point("strip", "pointerup", 100);
  expect(view.saved.at(-1)?.view).toEqual([expect.closeTo(1e-2), expect.closeTo(1e-1)]);
  expect(view.gone("brush")).toBe(true);
  view.find("strip").dispatchEvent(new MouseEvent("dblclick"));
  expect(view.saved.at(-1)?.view).toEqual([1e-3, 1]);
});

test("a click on the axis does not zoom", () => {
  const view = show();
  view.point("strip", "pointerdown", 200);
  view.point("strip", "pointerup", 203);
  expect(view.saved).toEqual([]);
});

test("the zoom buttons keep the chosen line in its place, and the range can be used", () => {
  const view = show();
  expect(view.button("Show the whole range").classList.contains("autolr-gone")).toBe(true);
  const before = view.find("chosen").style.left;
  view.button("Zoom in").click();
  const [low, high] = view.model.get("view");
  expect(Math.log10((high as number) / (low as number))).toBeCloseTo(1.5);
  expect(Number.parseFloat(view.find("chosen").style.left)).toBeCloseTo(Number.parseFloat(before));
  view.button("Make this range the grid of the next run").click();
  expect(view.sent).toEqual([{ type: "use_view", values: { view: view.model.get("view") } }]);
  view.button("Zoom out").click();
  expect(view.model.get("view")).toEqual([1e-3, 1]);
});

test("the histogram is for the rate under the pointer, then for the chosen one", () => {
  const view = show({ probed: 0, histogram: { counts: [1, 4], edges: [-1, 0, 1] } });
  expect([...view.find("bars").children].map((bar) => (bar as HTMLElement).style.height)).toEqual(["25%", "100%"]);
  view.point("area", "pointermove", 290);
  expect(view.saved.at(-1)?.probed).toBe(3);
  view.point("area", "pointerleave", 290);
  expect(view.saved.at(-1)?.probed).toBe(1);
});

test("without a histogram the kernel is asked for nothing", () => {
  const view = show();
  view.point("area", "pointermove", 290);
  expect(view.saved).toEqual([]);
});

test("pinned runs have a letter at their lowest point, and a description with their colour", () => {
  const view = show({
    pins: [{ letter: "A", color: "#ff0000", words: "SGD <b>", name: "", rate: 0.1, change: -0.5 }],
    this_run: "Adam",
  });
  expect(view.find("letters").textContent).toBe("A");
  expect((view.find("letters").firstChild as HTMLElement).style.top).toBe("75%");
  expect(view.find("legend").textContent).toContain("A SGD <b>");
  expect((view.find("legend").querySelectorAll(".autolr-key")[1] as HTMLElement).style.borderColor).toBe(
    "rgb(255, 0, 0)",
  );
  view.button("Unpin A").click();
  expect(view.sent).toEqual([{ type: "unpin_run", index: 0 }]);
});

test("closing removes the listeners", () => {
  const view = show();
  view.end();
  expect(view.listening()).toBe(0);
});

test.each([
  [1e-5, "\u25c0 1e-5"],
  [10, "10 \u25b6"],
  [0.1, ""],
])("a chosen rate of %d outside the view is shown at its edge", (selected_lr, text) => {
  expect(show({ selected_lr }).find("outside").textContent).toBe(text);
});

test("a pinned run is named in the legend", () => {
  const view = show({
    pins: [{ letter: "A", color: "#ff0000", words: "SGD", name: "", rate: 0.1, change: -0.5 }],
  });
  const name = () => view.find("pin-name");
  const field = () => view.node.querySelector('input[aria-label="Name of run A"]') as HTMLInputElement;
  const type = (text: string, key: string) => {
    name().click();
    expect([name().hidden, document.activeElement]).toEqual([true, field()]);
    field().value = text;
    field().dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    expect([name().hidden, document.activeElement]).toEqual([false, name()]);
  };
  expect(name().textContent).toBe("SGD");
  type("other", "Escape");
  type("", "Enter");
  expect(view.sent).toEqual([]);
  type("<b>mine", "Enter");
  expect(view.sent).toEqual([{ type: "name_run", letter: "A", name: "<b>mine" }]);
  view.model.set("pins", [{ letter: "A", color: "#ff0000", words: "SGD", name: "<b>mine", rate: 0.1, change: -0.5 }]);
  expect([name().textContent, name().title, field().value]).toEqual(["<b>mine", "SGD. Rename", "<b>mine"]);
});

test("the rules that a mark has no room for open in a list", () => {
  const names = ["significant", "steepest", "largest", "valley"];
  const view = show({ choices: Object.fromEntries(names.map((name) => [name, 0.01])) });
  const open = [...view.node.querySelectorAll<HTMLButtonElement>(".autolr-tick > button")].at(-1) as HTMLButtonElement;
  const list = view.find("all-rules");
  expect([open.textContent, open.getAttribute("aria-expanded"), list.hidden]).toEqual(["+2", "false", true]);
  open.click();
  expect([open.getAttribute("aria-expanded"), list.hidden]).toEqual(["true", false]);
  expect([...list.children].map((one) => one.textContent)).toEqual(names);
  list.children[0]?.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  expect([list.hidden, document.activeElement]).toEqual([true, open]);
  open.click();
  open.dispatchEvent(new FocusEvent("focusout", { bubbles: true, relatedTarget: document.body }));
  expect(list.hidden).toBe(true);
  open.click();
  (list.children[3] as HTMLElement).click();
  expect([view.sent, view.model.get("method")]).toEqual([[{ type: "use_rule" }], "valley"]);
});
