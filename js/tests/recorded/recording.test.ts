import { expect, test, vi } from "vitest";
import { recordedModel } from "../../src/recorded/model";
import { parse, type Recording } from "../../src/recorded/recording";

const base64 = (bytes: ArrayBuffer) => ({ base64: btoa(String.fromCharCode(...new Uint8Array(bytes))) });

const TEXT = JSON.stringify({
  state: {
    method: "low",
    band: "narrow",
    pinned: false,
    selected_lr: 0.1,
    scale: "log",
    full_view: [0.01, 1],
    rates: base64(new Float64Array([0.01, 0.1, 1]).buffer),
  },
  rules: {
    low: { selected_lr: 0.1, reason: "lowest", interval: [0.05, 0.2], edge: "" },
    safe: { selected_lr: 0.01, reason: "safe", interval: [], edge: "lower" },
  },
  bands: {
    narrow: { limits: [-1, 1], points: [0.01, 1], mean: [0, -1], lower: [null, -2], upper: [null, 0] },
    wide: { limits: [-2, 2], points: [0.01, 1], mean: [0, -1], lower: [-1, -3], upper: [1, 1] },
  },
  warnings: ["", "", "the loss rose at 1, the nearest measured rate"],
  outside: "only rates from 0.01 to 1 were measured",
});

const newModel = () => recordedModel(parse(TEXT));

test("bytes become views, and everything else stays", () => {
  const { state, outside }: Recording = parse(TEXT);
  expect([...new Float64Array((state.rates as DataView).buffer)]).toEqual([0.01, 0.1, 1]);
  expect(outside).toBe("only rates from 0.01 to 1 were measured");
});

test("another rule brings its own choice, reason and range", () => {
  const model = newModel();
  expect(model.get("reason")).toBe("lowest");
  model.set("method", "safe");
  model.save_changes();
  expect(["selected_lr", "reason", "interval", "edge"].map((name) => model.get(name as "reason"))).toEqual([
    0.01,
    "safe",
    [],
    "lower",
  ]);
});

test("another band is there as a whole before anything hears of it", () => {
  const model = newModel();
  const heard = vi.fn(() => [model.get("limits"), model.get("lower")]);
  model.on("change:limits", heard);
  model.set("band", "wide");
  model.save_changes();
  expect(heard).toHaveReturnedWith([
    [-2, 2],
    [-1, -3],
  ]);
  model.off("change:limits", heard);
  model.set("band", "narrow");
  model.save_changes();
  expect(heard).toHaveBeenCalledTimes(1);
});

test.each([
  [0.12, ""],
  [0.7, "the loss rose at 1, the nearest measured rate"],
  [1.005, "the loss rose at 1, the nearest measured rate"],
  [3, "only rates from 0.01 to 1 were measured"],
])("a rate of one's own is judged by the nearest measured one: %d", (rate, warning) => {
  const model = newModel();
  model.set("selected_lr", rate);
  model.set("pinned", true);
  model.save_changes();
  expect([model.get("warning"), model.get("reason"), model.get("interval")]).toEqual([warning, "your own choice", []]);
  model.set("method", "safe");
  model.save_changes();
  expect(model.get("selected_lr")).toBe(rate);
  model.send({ type: "use_rule" });
  expect([model.get("pinned"), model.get("selected_lr"), model.get("warning")]).toEqual([false, 0.01, ""]);
});

test("messages that need a kernel do nothing", () => {
  const model = newModel();
  model.send({ type: "start" });
  expect(model.get("selected_lr")).toBe(0.1);
});
