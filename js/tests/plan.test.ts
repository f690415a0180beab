import { afterEach, expect, test } from "vitest";
import { plan, warningText } from "../src/plan";
import { mockModel, type State } from "./mock_model";

let views: AbortController[] = [];
afterEach(() => {
  for (const view of views) view.abort();
  views = [];
});

function show(state: Partial<State> = {}) {
  const mock = mockModel(state);
  const view = new AbortController();
  views.push(view);
  const node = plan(mock.model, view.signal, () => mock.model.get("progress").seconds_per_step);
  const text = (name: string) => node.querySelector(`.autolr-${name}`)?.textContent;
  return { ...mock, text, effort: node.querySelector("select") as HTMLSelectElement };
}

function choose(select: HTMLSelectElement, value: string) {
  select.value = value;
  select.dispatchEvent(new Event("change"));
}

test("the price follows the settings and the time of a step", () => {
  const { model, text } = show();
  expect(text("price")).toBe("100 rounds × 11 rates × 55 steps = 60,500 training steps");
  model.set("num_subsamples", 10);
  model.set("progress", { finished: 0, current: 1, round: 220, seconds_per_step: 0.01 });
  expect(text("price")).toBe("10 rounds × 11 rates × 55 steps = 6,050 training steps, about 1 min");
});

test("an effort sets rounds, rates and steps together", () => {
  const { effort, saved, model } = show();
  expect(effort.value).toBe("own settings");
  choose(effort, "small");
  const { num_subsamples, num_evals, horizon } = saved.at(-1) as State;
  expect([num_subsamples, num_evals, horizon]).toEqual([2, 3, 4]);
  model.set("horizon", 5);
  expect(effort.value).toBe("own settings");
});

test("own settings can't be chosen", () => {
  const { effort, saved } = show({ num_subsamples: 2, num_evals: 3, horizon: 4 });
  expect(effort.value).toBe("small");
  choose(effort, "own settings");
  expect([effort.value, saved.length]).toEqual(["small", 0]);
});

test.each([
  ["log", 1e-4, 10, 9, 55, ""],
  ["log", 1e-4, 10, 9, 9, "With fewer than 10 steps"],
  ["log", 1e-4, 10, 5, 55, "Neighboring rates differ by a factor of 18"],
  ["log", 1e-4, 10, 2, 55, "Neighboring rates differ by a factor of 100,000:"],
  ["linear", 0, 10, 5, 55, ""],
  ["log", 1e-4, 10, 5, 3, "With fewer than 10 steps, the chosen rate is often too large for a longer training. Neigh"],
])("%s grid from %d to %d, %i rates, %i steps", (scale, low, high, rates, horizon, text) => {
  const found = warningText(scale, low, high, rates, horizon);
  expect(text === "" ? found : found.slice(0, text.length)).toBe(text);
});
