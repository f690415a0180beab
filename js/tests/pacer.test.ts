import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LOST, pace, SILENCE } from "../src/pacer";
import { mockModel } from "./mock_model";

// Longer than an animation frame and the timer beside it, shorter than the silence.
const PAINT = 300;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "requestAnimationFrame"] });
});
afterEach(() => {
  vi.useRealTimers();
});

function start(status = "running", turn = 0) {
  const mock = mockModel({ status, turn });
  const pacer = pace(mock.model as never);
  return { ...mock, pacer };
}

test("nothing is sent until the kernel runs, then a tick at once", () => {
  const { model, sent } = start("idle");
  vi.advanceTimersByTime(10 * SILENCE);
  expect(sent).toEqual([]);
  model.set("status", "running");
  expect(sent).toEqual([{ type: "tick", turn: 0 }]);
});

test("a page that opens during a run continues it", () => {
  expect(start("running", 7).sent).toEqual([{ type: "tick", turn: 7 }]);
});

test("one tick follows a turn, while the turn is painted", () => {
  const { model, sent } = start();
  for (const round of [1, 2, 3]) model.set("round", round);
  vi.advanceTimersByTime(PAINT);
  expect(sent).toHaveLength(1);
  model.set("turn", 1);
  vi.advanceTimersByTime(PAINT);
  expect(sent).toEqual([
    { type: "tick", turn: 0 },
    { type: "tick", turn: 1 },
  ]);
});

test("a turn that arrives while the one before it is painted is not answered before that", () => {
  const { model, sent } = start();
  model.set("turn", 1);
  model.set("turn", 2);
  expect(sent.slice(1)).toEqual([{ type: "tick", turn: 1 }]);
  vi.advanceTimersByTime(PAINT);
  expect(sent.slice(1)).toEqual([
    { type: "tick", turn: 1 },
    { type: "tick", turn: 2 },
  ]);
  vi.advanceTimersByTime(PAINT);
  expect(sent).toHaveLength(3);
});

test("a hidden tab, which paints nothing, continues by the timer", () => {
  vi.stubGlobal("requestAnimationFrame", () => 0);
  const { model, sent } = start();
  model.set("turn", 1);
  vi.advanceTimersByTime(PAINT);
  expect(sent).toHaveLength(2);
  vi.unstubAllGlobals();
});

test("a tick that was lost is sent again after a silence, and only then", () => {
  const { model, sent } = start();
  vi.advanceTimersByTime(SILENCE - 1);
  model.set("round", 1);
  vi.advanceTimersByTime(SILENCE - 1);
  expect(sent).toHaveLength(1);
  vi.advanceTimersByTime(1);
  expect(sent).toEqual([
    { type: "tick", turn: 0 },
    { type: "tick", turn: 0 },
  ]);
});

test("a round that comes after the end leaves no timer behind", () => {
  const { model, sent } = start();
  model.set("status", "done");
  model.set("round", 1);
  vi.advanceTimersByTime(10 * SILENCE);
  expect(sent).toHaveLength(1);
});

test("hold asks for a pause instead of rounds until the status changes", () => {
  const { model, sent, pacer } = start();
  pacer.hold("pause");
  expect(sent.slice(1)).toEqual([{ type: "pause" }]);
  model.set("round", 1);
  model.set("turn", 1);
  vi.advanceTimersByTime(PAINT);
  expect(sent).toHaveLength(2);
  model.set("status", "paused");
  vi.advanceTimersByTime(10 * SILENCE);
  expect(sent).toHaveLength(2);
  model.set("status", "running");
  expect(sent.slice(2)).toEqual([{ type: "tick", turn: 1 }]);
});

test("a pause that was lost is sent again after a silence, but not after a later message", () => {
  const { model, sent, pacer } = start();
  pacer.hold("pause");
  vi.advanceTimersByTime(SILENCE);
  expect(sent.slice(1)).toEqual([{ type: "pause" }, { type: "pause" }]);
  model.set("round", 1);
  vi.advanceTimersByTime(SILENCE);
  expect(sent).toHaveLength(4);
  pacer.ask({ type: "start" });
  model.set("round", 2);
  vi.advanceTimersByTime(3 * SILENCE);
  expect(pacer.held()).toBe(undefined);
  expect(sent.slice(4, 6)).toEqual([{ type: "start" }, { type: "tick", turn: 0 }]);
  expect(sent.slice(6).map(({ type }) => type)).toEqual(["tick", "tick", "tick"]);
});

test("a reset stops the ticks and is sent again, also after a run, until the kernel has done it", () => {
  for (const status of ["running", "paused"]) {
    const { model, sent, pacer } = start(status);
    sent.length = 0;
    pacer.hold("reset");
    model.set("turn", 1);
    vi.advanceTimersByTime(SILENCE);
    expect([pacer.held(), ...sent]).toEqual(["reset", { type: "reset" }, { type: "reset" }]);
    model.set("status", "idle");
    vi.advanceTimersByTime(10 * SILENCE);
    expect([pacer.held(), sent.length]).toEqual([undefined, 2]);
    pacer.stop();
  }
});

test("a kernel that prepares the model is not lost", () => {
  const { model, pacer } = start();
  model.set("preparing", true);
  vi.advanceTimersByTime(10 * LOST);
  expect(pacer.isLost()).toBe(false);
  model.set("preparing", false);
  vi.advanceTimersByTime(LOST + SILENCE);
  expect(pacer.isLost()).toBe(true);
});

test("a kernel that nothing can be sent to is gone at once", () => {
  const { model, pacer } = start();
  const update = vi.fn();
  pacer.watch(update, new AbortController().signal);
  model.send = () => {
    throw new Error("Cannot send");
  };
  vi.advanceTimersByTime(SILENCE);
  expect([pacer.isGone(), update.mock.calls.length]).toEqual([true, 1]);
});

test("hold is reported at once, but not to a closed view", () => {
  const { pacer } = start();
  const update = vi.fn();
  const view = new AbortController();
  pacer.watch(update, view.signal);
  expect(pacer.held()).toBe(undefined);
  pacer.hold("pause");
  expect([pacer.held(), update.mock.calls.length]).toEqual(["pause", 1]);
  view.abort();
  pacer.hold("pause");
  expect(update).toHaveBeenCalledTimes(1);
});

test.each(["turn", "round", "status", "notice"] as const)(
  "a kernel that is silent for long is lost, until %s changes",
  (answer) => {
    const { model, pacer } = start();
    vi.advanceTimersByTime(LOST - 1);
    expect(pacer.isLost()).toBe(false);
    vi.advanceTimersByTime(1);
    expect(pacer.isLost()).toBe(true);
    model.set(answer, (answer === "status" ? "paused" : answer === "notice" ? "no" : 1) as never);
    expect(pacer.isLost()).toBe(false);
  },
);

test("a message waits for an answer too, and an idle page does not", () => {
  const { pacer, sent } = start("idle");
  vi.advanceTimersByTime(10 * LOST);
  expect(pacer.isLost()).toBe(false);
  pacer.ask({ type: "start" });
  expect(sent).toEqual([{ type: "start" }]);
  vi.advanceTimersByTime(LOST);
  expect(pacer.isLost()).toBe(true);
});

test("stop removes every listener and timer", () => {
  const { model, sent, pacer, listening } = start();
  model.set("turn", 1);
  model.set("turn", 2);
  pacer.stop();
  expect(listening()).toBe(0);
  sent.length = 0;
  vi.advanceTimersByTime(10 * SILENCE);
  expect(sent).toEqual([]);
});

test("a kernel that ipywidgets says is gone is gone", () => {
  const { pacer, fire } = start("idle");
  fire("comm_live_update");
  expect([pacer.isGone(), pacer.isLost()]).toEqual([true, false]);
});
