import { afterEach, expect, test, vi } from "vitest";
import { choice } from "../src/choice";
import { LOST, pace } from "../src/pacer";
import { runBar } from "../src/run_bar";
import { mockModel, type State } from "./mock_model";

let close: (() => void)[] = [];
afterEach(() => {
  for (const end of close) end();
  close = [];
});

function show(state: Partial<State> = {}) {
  const finished = 20 * (state.round ?? 0);
  const mock = mockModel({ progress: { finished, current: 0, round: 20, seconds_per_step: null }, ...state });
  const pacer = pace(mock.model as never);
  const view = () => {
    const controller = new AbortController();
    const end = () => controller.abort();
    close.push(end);
    const el = document.createElement("div");
    el.append(choice(mock.model, pacer, controller.signal), runBar(mock.model, pacer, controller.signal));
    const button = (name: string) =>
      [...el.querySelectorAll("button")].find((one) => one.textContent === name) as HTMLButtonElement;
    const text = (name: string) => el.querySelector(`.autolr-${name}`)?.textContent;
    const run = el.querySelector(".autolr-run") as HTMLButtonElement;
    return { el, end, run, oneRound: button("One round"), reset: button("Reset"), button, text };
  };
  close.push(pacer.stop);
  const messages = () => mock.sent.filter((message) => message.type !== "tick");
  return { ...mock, ...view(), view, messages };
}

test.each([
  [{}, "Run", "Ready"],
  [{ status: "running", round: 3 }, "Pause", "Running"],
  [{ status: "paused", round: 3 }, "Resume", "Paused"],
  [{ status: "done", round: 100 }, "Run again", "Done"],
  [{ status: "stopped", round: 3 }, "Run again", "Stopped"],
  [{ status: "error", round: 3, error: "no" }, "Resume", "Error"],
  [{ status: "paused", round: 3, stale: true }, "Run again", "Paused"],
  [{ status: "done", round: 3, stale: true, continues: true }, "Resume", "Done"],
])("%j offers %s", (state, label, stateText) => {
  const bar = show(state);
  expect(bar.run.textContent).toBe(label);
  expect(bar.text("state")).toBe(stateText);
});

test("buttons send their messages", () => {
  const bar = show({ status: "paused", round: 3 });
  bar.oneRound.click();
  bar.reset.click();
  expect(bar.text("state")).toBe("Resetting…");
  bar.run.click();
  expect(bar.sent).toEqual([{ type: "step" }, { type: "reset" }, { type: "start" }]);
  expect(bar.text("state")).toBe("Paused");
});

test.each(["Follow the rule", "Refine", "Reset"])("after %s, Run does not bring the typed rate back", (name) => {
  const bar = show({ status: "done", round: 3, selected_lr: 0.1, pinned: true });
  const rate = bar.el.querySelector(".autolr-rate") as HTMLInputElement;
  rate.value = "0.5";
  rate.dispatchEvent(new Event("input"));
  rate.dispatchEvent(new Event("change"));
  // The kernel has not answered yet.
  bar.button(name).click();
  bar.run.click();
  expect(bar.messages().at(-1)).toEqual({ type: "start" });
});

test("nothing is told of the time while the model is prepared, or after the first steps", () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  const bar = show({ status: "running", preparing: true });
  const take = (seconds: number, current: number) => {
    vi.advanceTimersByTime(1000 * seconds);
    bar.model.set("progress", { finished: 0, current, round: 20, seconds_per_step: null });
  };
  take(30, 1);
  expect(bar.text("progress")).toBe("0 of 100 rounds · 1 of 2,000 training steps");
  bar.model.set("preparing", false);
  take(0.05, 2);
  expect(bar.text("progress")).toBe("0 of 100 rounds · 2 of 2,000 training steps");
  take(1.95, 5);
  expect(bar.text("progress")).toContain("10 s per round · about 17 min left");
  vi.useRealTimers();
});

test("the preparation of the model has a name", () => {
  const bar = show({ status: "running", preparing: true });
  expect(bar.text("state")).toBe("Preparing the model…");
  bar.model.set("preparing", false);
  expect(bar.text("state")).toBe("Running");
});

test("a kernel that is gone is reported, with the file of the rounds", () => {
  const bar = show({ autosave: "<b>run.json" });
  bar.fire("comm_live_update");
  expect(bar.text("state")).toBe("No kernel");
  expect(bar.text("lost")).toContain("The kernel was restarted or has ended");
  expect(bar.text("lost")).toContain("The rounds are in <b>run.json");
});

test("the price does not jump with the seconds of the last slice, and is forgotten with them", () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  const bar = show({ status: "running" });
  const take = (current: number, seconds_per_step: number | null) => {
    vi.advanceTimersByTime(1000);
    bar.model.set("progress", { finished: 0, current, round: 20, seconds_per_step });
  };
  for (let step = 1; step < 6; step++) take(step, step % 2 ? 0.1 : 9);
  expect(bar.text("price")).toContain("60,500 training steps, about 16 h 48 min");
  bar.model.set("status", "paused");
  expect(bar.text("price")).toContain("about 16 h 48 min");
  take(0, null);
  expect(bar.text("price")).toBe("100 rounds × 11 rates × 55 steps = 60,500 training steps");
  vi.useRealTimers();
});

test("without a kernel, no time is left and nothing can be paused", () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  const bar = show({ status: "running", round: 3 });
  for (const current of [0, 10]) {
    bar.model.set("progress", { finished: 60, current, round: 20, seconds_per_step: null });
    vi.advanceTimersByTime(2000);
  }
  bar.model.set("progress", { finished: 60, current: 11, round: 20, seconds_per_step: null });
  expect(bar.text("progress")).toContain("left");
  bar.fire("comm_live_update");
  expect(bar.text("progress")).toBe("3 of 100 rounds · 71 of 2,000 training steps");
  expect(bar.run.textContent).toBe("Resume");
  vi.useRealTimers();
});

test("Pause shows at once, before the kernel has received it, in every view", () => {
  const bar = show({ status: "running", round: 3 });
  bar.run.click();
  expect(bar.run.textContent).toBe("Resume");
  expect(bar.text("state")).toBe("Pausing…");
  expect(bar.view().run.textContent).toBe("Resume");
  expect(bar.messages()).toEqual([{ type: "pause" }]);
  bar.model.set("turn", 1);
  bar.model.set("status", "paused");
  expect(bar.text("state")).toBe("Paused");
  bar.model.set("status", "running");
  expect(bar.run.textContent).toBe("Pause");
});

test("if the kernel finishes anyway, that is shown", () => {
  const bar = show({ status: "running", round: 3 });
  bar.run.click();
  bar.model.set("status", "done");
  expect(bar.text("state")).toBe("Done");
});

test("One round is disabled during a run, Reset while there are no rounds", () => {
  expect(show().reset.disabled).toBe(true);
  const bar = show({ status: "running" });
  expect([bar.oneRound.disabled, bar.reset.disabled]).toEqual([true, false]);
});

test("changed settings are reported", () => {
  const bar = show({ status: "paused", round: 3 });
  expect(bar.text("stale")).toBe("");
  bar.model.set("stale", true);
  expect(bar.text("stale")).toBe("Settings changed: the next run starts over");
});

test("a saved run can be viewed but not run", () => {
  const bar = show({ status: "done", round: 3, replay: true, selected_lr: 0.1 });
  const off = [...bar.el.querySelectorAll("button")].filter((button) => button.disabled).map((one) => one.textContent);
  expect(off).toEqual(["Apply", "Undo", "Refine", "Run again", "One round", "Reset", "Explain"]);
  expect(bar.text("state")).toBe("Saved run");
});

test("a kernel that does not answer is reported", () => {
  vi.useFakeTimers();
  const bar = show();
  bar.run.click();
  vi.advanceTimersByTime(LOST);
  expect(bar.text("lost")).toContain("No answer from the kernel");
  bar.model.set("status", "running");
  expect(bar.text("lost")).toBe("");
  vi.useRealTimers();
});

test("pin and explain", () => {
  const bar = show({ status: "done", round: 3 });
  bar.button("Pin this run").click();
  expect(bar.sent).toEqual([{ type: "pin_run" }]);
  bar.button("Explain").click();
  expect(bar.saved.at(-1)?.explain).toBe(true);
  expect(bar.button("Explain").getAttribute("aria-pressed")).toBe("true");
});

test("progress follows the training steps", () => {
  const bar = show({ status: "paused" });
  bar.model.set("round", 25);
  bar.model.set("progress", { finished: 500, current: 7, round: 20, seconds_per_step: null });
  expect(bar.el.querySelector("progress")?.value).toBe(507);
  expect(bar.text("progress")).toBe("25 of 100 rounds · 507 of 2,000 training steps");
  bar.model.set("num_subsamples", 50);
  expect(bar.el.querySelector("progress")?.max).toBe(1000);
});

test("a first round that is not finished can be continued and discarded", () => {
  const bar = show({ status: "paused", progress: { finished: 0, current: 7, round: 20, seconds_per_step: null } });
  expect([bar.run.textContent, bar.reset.disabled]).toEqual(["Resume", false]);
});

test("an error is shown as text", () => {
  const bar = show({ status: "error", round: 1, error: "<img src=x onerror=alert(1)>" });
  expect(bar.text("error")).toBe("<img src=x onerror=alert(1)>");
  expect(bar.el.querySelector("img")).toBeNull();
});

test("closing a view removes its listeners, but not those of the pacer", () => {
  const bar = show();
  const before = bar.listening();
  const other = bar.view();
  expect(bar.listening()).toBeGreaterThan(before);
  other.end();
  expect(bar.listening()).toBe(before);
});

test.each([
  [{ status: "done", round: 100 }, true],
  [{ status: "done", round: 100, stale: true }, false],
  [{ status: "paused", round: 3 }, false],
  [{ status: "running", round: 3 }, true],
])("%j: One round, which would discard a finished run, is disabled: %s", (state, disabled) => {
  expect(show(state).oneRound.disabled).toBe(disabled);
});

test("a run that ended before its last round says why", () => {
  const bar = show({ status: "done", round: 15 });
  expect(bar.text("progress")).toBe(
    "15 of 100 rounds · 300 of 2,000 training steps · settled: no rate can lower the loss much more",
  );
});

test("the workers that take the steps are shown while it runs", () => {
  const bar = show({ workers: "2 workers of Dask" });
  bar.model.set("status", "running");
  expect(bar.text("progress")).toMatch(/training steps · 2 workers of Dask$/);
  bar.model.set("workers", "waiting for a worker of Dask");
  expect(bar.text("progress")).toMatch(/training steps · waiting for a worker of Dask$/);
  bar.model.set("status", "paused");
  expect(bar.text("progress")).toMatch(/training steps$/);
});
