import { expect, test } from "vitest";
import { schedule } from "../src/schedule";
import { mockModel, type State } from "./mock_model";

function show(state: Partial<State> = {}) {
  const mock = mockModel(state);
  const { kind, details, isRefused } = schedule(mock.model, new AbortController().signal);
  document.body.replaceChildren(kind, details);
  const input = details.querySelector("input") as HTMLInputElement;
  const type = (text: string) => {
    input.value = text;
    for (const event of ["input", "change"]) input.dispatchEvent(new Event(event));
  };
  return { ...mock, kind: kind as HTMLSelectElement, details, input, type, isRefused };
}

const PICTURE = { rates: [0.004, 0.1, 0.05, 0], epochs: 12 };

test("the menu offers a constant rate and what Python names, and sends the choice", () => {
  const view = show();
  expect([...view.kind.options].map((option) => option.textContent)).toEqual([
    "constant",
    "falls to zero",
    "falls again and again",
  ]);
  expect(view.details.hidden).toBe(true);
  view.kind.value = "falling";
  view.kind.dispatchEvent(new Event("change"));
  expect(view.saved.at(-1)?.kind).toBe("falling");
  expect(view.details.hidden).toBe(false);
});

test("the picture shows the rates between zero and the highest", () => {
  const view = show({ kind: "falling", schedule: PICTURE });
  const path = view.details.querySelector("path")?.getAttribute("d") ?? "";
  const heights = path
    .slice(1)
    .split("L")
    .map((point) => Number(point.split(",")[1]));
  const expected = [0.914, 0.05, 0.5, 0.95];
  for (const [i, height] of expected.entries()) expect(heights[i]).toBeCloseTo(height);
  expect(heights).toHaveLength(4);
  const label = view.details.querySelector("svg")?.getAttribute("aria-label");
  expect(label).toBe("Learning rate from 0.004 to 0, highest 0.1, in 12 epochs");
});

test("without a picture there are words", () => {
  const view = show({ kind: "falling", schedule: { words: "The length of the data is not known." } });
  expect(view.details.textContent).toContain("The length of the data is not known.");
  expect(view.details.querySelector("svg")?.hasAttribute("hidden")).toBe(true);
});

test("restarts have no length, and a saved run and an explained round have no schedule", () => {
  expect(show({ kind: "restarts" }).details.querySelector("label")?.hidden).toBe(true);
  expect(show({ kind: "falling" }).details.querySelector("label")?.hidden).toBe(false);
  for (const state of [{ replay: true }, { explain: true }]) {
    const view = show({ kind: "falling", ...state });
    expect([view.kind.hidden, view.details.hidden]).toEqual([true, true]);
  }
});

test("the number of epochs is sent if it is above 0, and refused where it is typed if not", () => {
  const view = show({ kind: "falling" });
  expect(view.input.value).toBe("10");
  view.type("2.5");
  expect(view.saved.at(-1)?.epochs).toBe(2.5);
  const before = view.saved.length;
  for (const text of ["0", "-1", ""]) view.type(text);
  expect(view.saved.length).toBe(before);
  expect(view.details.textContent).toContain("Must be a number above 0.");
  expect(view.isRefused()).toBe(true);
  view.type("3");
  expect(view.details.textContent).not.toContain("Must be");
  expect(view.saved.at(-1)?.epochs).toBe(3);
});

test("Enter sends the number of epochs", () => {
  const view = show({ kind: "falling" });
  view.input.value = "7";
  view.input.dispatchEvent(new Event("input"));
  view.input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
  expect(view.saved.at(-1)?.epochs).toBe(7);
});
