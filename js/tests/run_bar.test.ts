import { afterEach, expect, test } from "vitest";
import runBar from "../src/run_bar";
import { mockModel } from "./mock_model";

const IDLE = { status: "idle", round: 0, turn: 0, num_subsamples: 100, stale: false, error: "" };

let close: (() => void)[] = [];
afterEach(() => {
  for (const end of close) end();
  close = [];
});

function show(state: Partial<typeof IDLE> = {}) {
  const mock = mockModel({ ...IDLE, ...state });
  const part = runBar();
  const stop = part.initialize({ model: mock.model } as never) as () => void;
  const view = () => {
    const el = document.createElement("div");
    const end = part.render({ model: mock.model, el } as never) as () => void;
    close.push(end);
    const button = (index: number) => el.querySelectorAll("button")[index] as HTMLButtonElement;
    const text = (name: string) => el.querySelector(`.autolr-${name}`)?.textContent;
    return { el, end, run: button(0), step: button(1), reset: button(2), text };
  };
  close.push(stop);
  const messages = () => mock.sent.filter((message) => (message as { type: string }).type !== "tick");
  return { ...mock, ...view(), view, stop, messages };
}

test.each([
  [{}, "Run", "Ready"],
  [{ status: "running", round: 3 }, "Pause", "Running"],
  [{ status: "paused", round: 3 }, "Go on", "Paused"],
  [{ status: "done", round: 100 }, "Run again", "Done"],
  [{ status: "stopped", round: 3 }, "Run again", "Stopped"],
  [{ status: "error", round: 3, error: "no" }, "Go on", "Stopped by an error"],
  [{ status: "paused", round: 3, stale: true }, "Run again", "Settings changed: the next run starts afresh"],
])("%j offers %s", (state, label, says) => {
  const bar = show(state);
  expect(bar.run.textContent).toBe(label);
  expect(bar.text("state")).toBe(says);
});

test("buttons send their messages", () => {
  const bar = show({ status: "paused", round: 3 });
  bar.step.click();
  bar.reset.click();
  bar.run.click();
  expect(bar.sent).toEqual([{ type: "step" }, { type: "reset" }, { type: "start" }]);
});

test("Pause shows at once, before the kernel has heard of it, in every view", () => {
  const bar = show({ status: "running", round: 3 });
  bar.run.click();
  expect(bar.run.textContent).toBe("Go on");
  expect(bar.view().run.textContent).toBe("Go on");
  expect(bar.messages()).toEqual([{ type: "pause" }]);
  bar.model.set("turn", 1);
  bar.model.set("status", "paused");
  expect(bar.text("state")).toBe("Paused");
  bar.model.set("status", "running");
  expect(bar.run.textContent).toBe("Pause");
});

test("a kernel that went on after all is shown as it is", () => {
  const bar = show({ status: "running", round: 3 });
  bar.run.click();
  bar.model.set("status", "done");
  expect(bar.text("state")).toBe("Done");
});

test("Step is off while it runs, Reset while there is nothing to forget", () => {
  expect(show().reset.disabled).toBe(true);
  const bar = show({ status: "running" });
  expect([bar.step.disabled, bar.reset.disabled]).toEqual([true, false]);
});

test("progress follows the rounds", () => {
  const bar = show();
  bar.model.set("round", 25);
  expect(bar.el.querySelector("progress")?.value).toBe(25);
  expect(bar.text("progress")).toBe("25 of 100 rounds");
  bar.model.set("num_subsamples", 50);
  expect(bar.el.querySelector("progress")?.max).toBe(50);
});

test("an error is text, whatever it holds", () => {
  const bar = show({ status: "error", round: 1, error: "<img src=x onerror=alert(1)>" });
  expect(bar.text("error")).toBe("<img src=x onerror=alert(1)>");
  expect(bar.el.querySelector("img")).toBeNull();
});

test("a view that is closed listens no more; the pacer is the model's", () => {
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
])("%j: Step, which would throw a finished run away, is disabled: %s", (state, disabled) => {
  expect(show(state).step.disabled).toBe(disabled);
});
