import { expect, test, vi } from "vitest";
import { controls } from "../src/controls";
import { explain, STAGES, words } from "../src/explain";
import type { Lesson, Screen } from "../src/screen";
import { curve, mockModel } from "./mock_model";

function show(state: Partial<Screen> = {}) {
  const mock = mockModel(state);
  const { node, end } = controls(mock.model);
  document.body.replaceChildren(node);
  const named = (name: string) => node.querySelector(`[aria-label="${name}"]`) as HTMLInputElement;
  const labelled = (name: string) =>
    [...node.querySelectorAll("label")]
      .find((one) => one.textContent?.startsWith(name))
      ?.querySelector("select, input") as HTMLInputElement;
  const button = (name: string) => [...node.querySelectorAll("button")].find((one) => one.textContent === name);
  const set = (input: HTMLInputElement, value: string) => {
    input.value = value;
    input.dispatchEvent(new Event("change"));
  };
  return { ...mock, node, end, named, labelled, button, set };
}

test("slider and number are one setting", () => {
  const view = show();
  view.set(view.named("Batch size, slider"), "64");
  expect(view.saved.at(-1)?.batch_size).toBe(64);
  expect(view.named("Batch size").value).toBe("64");
  view.set(view.named("Batch size"), "16");
  expect(view.named("Batch size, slider").value).toBe("16");
});

test.each(["0", "2.5", "", "1e999"])("a batch of %j is refused, and what holds is shown again", (text) => {
  const view = show();
  view.set(view.named("Batch size"), text);
  expect(view.saved).toEqual([]);
  expect(view.named("Batch size").value).toBe("32");
});

test("a number beyond its slider widens the slider", () => {
  const view = show();
  view.set(view.named("Rates"), "5000");
  expect(view.named("Rates, slider").max).toBe("5000");
});

test.each([
  ["Spacing", "scale", "linear"],
  ["Loss on", "evaluate_on", "held-out"],
  ["Measure", "sampler", "racing"],
  ["Stop", "stop_rule", "settled"],
  ["Band", "band", "anytime"],
  ["Axis", "axis", "linear"],
])("menu %s", (name, trait, value) => {
  const view = show();
  view.set(view.labelled(name), value);
  expect(view.saved.at(-1)).toMatchObject({ [trait]: value });
});

test("each control has a name and a line of help", () => {
  const { node } = show();
  for (const control of node.querySelectorAll<HTMLInputElement>(
    "fieldset :is(input, select), .autolr-more .autolr-control :is(input, select)",
  )) {
    expect(control.getAttribute("aria-label") ?? control.labels?.[0]?.textContent).toBeTruthy();
    const described =
      control.closest("[aria-describedby]") ?? control.closest(".autolr-control")?.querySelector("[aria-describedby]");
    expect(document.getElementById(described?.getAttribute("aria-describedby") ?? "")?.textContent).toBeTruthy();
  }
});

test("what would start anew says so once there is something to lose", () => {
  const view = show();
  const notes = () =>
    [...view.node.querySelectorAll(".autolr-restarts")].map((one) => one.classList.contains("autolr-gone"));
  expect(notes()).toEqual([true, true]);
  view.model.set("round", 1);
  expect(notes()).toEqual([false, false]);
});

test("a saved run's measurement can't be changed, how it is read can", () => {
  const view = show({ recorded: true });
  expect([...view.node.querySelectorAll("fieldset")].map((group) => group.disabled)).toEqual([true, true]);
  expect(view.labelled("Band").disabled).toBe(false);
});

test("a file is saved by the view that asked for it, under its name", () => {
  const mock = mockModel();
  const [one, other] = [controls(mock.model), controls(mock.model)];
  document.body.replaceChildren(one.node, other.node);
  const saved: string[] = [];
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    saved.push(this.download);
  });
  URL.createObjectURL = () => "blob:x";
  const button = [...one.node.querySelectorAll("button")].find(
    (b) => b.textContent === "Download",
  ) as HTMLButtonElement;
  button.click();
  expect(mock.sent).toEqual([{ type: "save", format: "json" }]);
  mock.fire("msg:custom", { type: "file", name: "learning-rate.json" }, [new DataView(new ArrayBuffer(2))]);
  mock.fire("msg:custom", { type: "file", name: "late.json" }, [new DataView(new ArrayBuffer(2))]);
  expect(saved).toEqual(["learning-rate.json"]);
  vi.restoreAllMocks();
});

test("without a clipboard the Python is selected, for a key to copy", async () => {
  const view = show({ code: "model.optimizer" });
  const area = view.node.querySelector("textarea") as HTMLTextAreaElement;
  view.button("Copy the Python")?.click();
  await Promise.resolve();
  await Promise.resolve();
  expect([area.selectionStart, area.selectionEnd]).toEqual([0, 15]);
  expect(view.button("Press Ctrl+C")).toBeDefined();
});

test("closing takes the listeners away", () => {
  const view = show();
  view.end();
  expect(view.listening()).toBe(0);
});

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

function tell(stage: number) {
  const mock = mockModel({ ...curve([1e-3, 1e-2, 1e-1, 1], []), explain: true, lesson: LESSON, stage });
  const { node, end } = explain(mock.model);
  const button = (name: string) =>
    [...node.querySelectorAll("button")].find((one) => one.textContent === name) as HTMLButtonElement;
  const count = (name: string) => node.querySelectorAll(`.autolr-${name}`).length;
  return { ...mock, node, end, button, count };
}

test("the explanation goes on, back, and no further than its ends", () => {
  const view = tell(1);
  expect(view.button("Back").disabled).toBe(true);
  view.button("Next").click();
  expect(view.model.get("stage")).toBe(2);
  view.button("Back").click();
  expect(view.model.get("stage")).toBe(1);
  expect(tell(STAGES).button("Next").disabled).toBe(true);
});

test.each([
  [1, { drawn: 2 }],
  [2, { before: 1, after: 0 }],
  [3, { before: 1, "set-out": 4, after: 0 }],
  [4, { before: 1, after: 3, broke: 1 }],
  [5, { fell: 2, rose: 2, after: 3 }],
])("stage %i shows %o", (stage, shown) => {
  const view = tell(stage);
  for (const [name, times] of Object.entries(shown)) expect([name, view.count(name)]).toEqual([name, times]);
});

test("its words are those of this round", () => {
  expect(words(LESSON, 1)[1]).toContain("A batch of round 2 is 8 of the 100 observations, drawn by chance");
  expect(words(LESSON, 3)[1]).toContain("4 copies set out, one for each learning rate, and take one training step.");
  expect(words({ ...LESSON, horizon: 25 }, 3)[1]).toContain("25 training steps, each on a fresh batch");
  expect(words(LESSON, 5)[1]).toContain("2 of 4 rates lowered the loss, and 1 broke the model.");
  expect(words({ ...LESSON, observations: null, drawn: [] }, 1)[1]).toContain(
    "A batch of round 2 is 8 observations, as the data yield them",
  );
  expect(words(LESSON, 4)[1]).toContain("the steps were too long");
  expect(words({ ...LESSON, after: [1, 0.9, 0.5, 0.2] }, 4)[1]).not.toContain("too long");
});

test("before the first Step it says what to do", () => {
  const mock = mockModel({ explain: true });
  const { node } = explain(mock.model);
  expect(node.textContent).toContain("Press Step");
  mock.model.set("explain", false);
  expect(node.classList.contains("autolr-gone")).toBe(true);
});

test("a level below its slider can be typed, 0 can't", () => {
  const view = show();
  view.set(view.named("Band's α"), "0.0026");
  expect(view.saved.at(-1)?.alpha).toBe(0.0026);
  expect(view.named("Band's α, slider").min).toBe("0.0026");
  view.set(view.named("Band's α"), "0");
  expect(view.named("Band's α").value).toBe("0.0026");
});
