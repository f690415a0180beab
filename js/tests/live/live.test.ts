import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { live } from "../../src/live/live";
import type { Training } from "../../src/screen";
import { mockModel, type State, table } from "../mock_model";

const TRAINING: Training = {
  state: "training",
  epoch: 1,
  epochs: 2,
  step: 50,
  steps: 100,
  seconds: 5,
  rate: 0.1,
  marks: [],
  refusal: "",
  look: "",
};
const POINTS = table([
  [0, 25, 50],
  [4, 2, 0],
  [0.1, 0.1, 0.1],
]);

// jsdom lays nothing out.
let [width, resized] = [600, () => {}];
beforeEach(() => {
  width = 600;
  vi.stubGlobal(
    "ResizeObserver",
    class {
      constructor(callback: () => void) {
        resized = callback;
      }
      observe() {}
      disconnect() {
        resized = () => {};
      }
    },
  );
  vi.spyOn(Element.prototype, "clientWidth", "get").mockImplementation(() => width);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

function show(training: Partial<Training> = {}, state: Partial<State> = {}) {
  const mock = mockModel({ training: { ...TRAINING, ...training }, training_points: POINTS, ...state });
  const sent: { type: string }[] = [];
  const controller = new AbortController();
  const node = live(
    mock.model,
    { send: (message: { type: string }) => sent.push(message) } as never,
    controller.signal,
  );
  document.body.replaceChildren(node);
  const all = (name: string) => [...node.querySelectorAll(`.autolr-${name}`)] as HTMLElement[];
  const [pause, stop] = [...node.querySelectorAll("button")] as [HTMLButtonElement, HTMLButtonElement];
  const steps = () => all("axis-tick.autolr-axis-step").map((tick) => tick.textContent);
  const set = (some: Partial<Training>) => mock.model.set("training", { ...TRAINING, ...some });
  return { ...mock, sent, node, all, steps, pause, stop, set, end: () => controller.abort() };
}

test("it is hidden until a training begins, and listens no more once the view is closed", () => {
  const view = show({}, { training: {} });
  expect(view.node.classList).toContain("autolr-gone");
  view.set({});
  expect(view.node.classList).not.toContain("autolr-gone");
  view.end();
  expect(view.listening()).toBe(0);
});

test("the line of the losses, over all steps of the training", () => {
  const view = show();
  expect(view.all("live-batches")[0]?.getAttribute("d")).toBe("M0,0L0.25,0.5L0.5,1");
  expect(view.all("live-smoothed")).toHaveLength(1);
  expect(view.steps()).toEqual(["0", "20", "40", "60", "80", "100"]);
});

test("a picture that becomes narrow has fewer numbers, until the view is closed", () => {
  const view = show({ steps: 60_000 });
  expect(view.steps()).toEqual(["0", "10000", "20000", "30000", "40000", "50000", "60000"]);
  width = 200;
  resized();
  expect(view.steps()).toEqual(["0", "20000", "40000", "60000"]);
  view.end();
  width = 600;
  resized();
  expect(view.steps()).toHaveLength(4);
});

test("while the number of steps is not known, the picture ends at a round number", () => {
  const view = show({ steps: null, step: 50 });
  expect(view.all("live-batches")[0]?.getAttribute("d")).toBe("M0,0L0.5,0.5L1,1");
  view.set({ steps: null, step: 51 });
  expect(view.all("live-batches")[0]?.getAttribute("d")).toBe("M0,0L0.25,0.5L0.5,1");
});

test("a dot for each validation loss in the picture, and the caption says so", () => {
  const view = show();
  expect(view.all("help")[0]?.textContent).toBe("Loss on the batches, smoothed");
  view.model.set(
    "training_validation",
    table([
      [25, 50],
      [2, 1000],
    ]),
  );
  expect(view.all("live-dot").map((dot) => [dot.style.left, dot.style.top])).toEqual([["25%", "60%"]]);
  expect(view.all("help")[0]?.textContent).toContain("dots: validation loss");
});

test("dots are small while they would hide each other", () => {
  const view = show(
    {},
    {
      training_validation: table([
        [1, 2],
        [1, 1],
      ]),
    },
  );
  const dots = () => view.all("live-dot")[0]?.parentElement?.classList.contains("autolr-live-many");
  expect(dots()).toBe(true);
  view.model.set("training_validation", table([[50], [1]]));
  expect(dots()).toBe(false);
  view.model.set(
    "training_validation",
    table([
      [25, 50],
      [1, 1],
    ]),
  );
  expect(dots()).toBe(false);
});

test("a mark for each rate that the user set, and its rate where there is room", () => {
  const view = show({
    marks: [
      [10, 0.2],
      [12, 0.3],
      [40, 1e-5],
    ],
  });
  expect(view.all("live-mark").map((mark) => mark.style.left)).toEqual(["10%", "12%", "40%"]);
  expect(view.all("live-rate").map((label) => [label.textContent, label.style.left])).toEqual([
    ["1e-5", "40%"],
    ["0.3", "12%"],
  ]);
});

test("the rate changes at once, on a log scale from the lowest to the highest", () => {
  const points = table([
    [0, 25, 50],
    [4, 2, 0],
    [0.25, 0.5, 1],
  ]);
  const view = show({ rate: 1 }, { training_points: points });
  const path = view.all("live-lane")[0]?.querySelector("path")?.getAttribute("d");
  expect(path).toBe("M0,1L0,1L0,1L0.25,1L0.25,0.5L0.5,0.5L0.5,0L0.5,0L0.5,0");
});

test.each([
  ["training", "Pause", false, "Running"],
  ["looking", "Pause", false, "Looking again…"],
  ["paused", "Resume", false, "Paused"],
  ["stopping", "Pause", true, "Stopping…"],
  ["ended", "Pause", true, "Ended"],
  ["stopped", "Pause", true, "Stopped"],
] as const)("buttons and words of a training that is %s", (state, pause, disabled, words) => {
  const view = show({ state });
  expect([view.pause.textContent, view.pause.disabled, view.stop.disabled]).toEqual([pause, disabled, disabled]);
  expect(view.all("live-state")[0]?.textContent).toBe(words);
});

test("the buttons ask the kernel, and say so until it answers", () => {
  const view = show();
  const state = view.all("live-state")[0] as HTMLElement;
  view.pause.click();
  expect(state.textContent).toBe("Pausing…");
  view.set({ state: "paused" });
  expect(state.textContent).toBe("Paused");
  view.pause.click();
  expect(state.textContent).toBe("Resuming…");
  view.set({});
  view.stop.click();
  expect(state.textContent).toBe("Stopping…");
  expect(view.sent.map(({ type }) => type)).toEqual(["pause_training", "resume_training", "stop_training"]);
});

test("the state is spoken, but not each epoch", () => {
  const view = show();
  const spoken = view.all("hidden")[0] as HTMLElement;
  expect(spoken.textContent).toBe("Training: Running");
  const text = spoken.firstChild;
  view.set({ epoch: 2 });
  expect(spoken.firstChild).toBe(text);
});

test("why a rate was refused", () => {
  const view = show({ refusal: "a <b>schedule</b>" });
  expect(view.all("live-refusal")[0]?.textContent).toBe("a <b>schedule</b>");
});

test("what was done when the tuner looked again, and why", () => {
  const view = show({ look: "Kept 0.1: it is <near> the best rate." });
  expect(view.all("live-look")[0]?.textContent).toBe("Kept 0.1: it is <near> the best rate.");
  view.set({ look: "" });
  expect(view.all("live-look")[0]?.textContent).toBe("");
});

test("before the first loss the picture is empty, and losses that are not finite leave gaps", () => {
  const view = show({}, { training_points: table([]) });
  expect(view.all("live-smoothed")[0]?.getAttribute("d")).toBe("");
  view.model.set(
    "training_points",
    table([
      [0, 25, 50],
      [4, Number.NaN, 2],
      [0.1, 0.1, 0.1],
    ]),
  );
  expect(view.all("live-batches")[0]?.getAttribute("d")).toMatch(/^M0,[\d.]+M0.5,[\d.]+$/);
});
