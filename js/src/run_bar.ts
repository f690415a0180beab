import { button, element, setText } from "./element";
import type { Pacer } from "./pacer";
import { plan } from "./plan";
import { addMoment, type Moment, progressText, speed, stepsOf } from "./progress";
import { assign, forgetRate, type Model, onChange, withValues } from "./screen";

/** Run and Pause, One round, Reset, the buttons for whole runs, and the progress. */
export function runBar(model: Model, pacer: Pacer, signal: AbortSignal): HTMLElement {
  const run = button("", { class: "autolr-run" });
  const oneRound = button("One round", { title: "Run one round" });
  const reset = button("Reset", { title: "Discard all rounds" });
  const pin = button("Pin this run", { title: "Keep this curve, to compare the next run with it" });
  const explain = button("Explain", { title: "Explain each step of a round" });
  const bar = element("progress", { "aria-label": "Training steps taken" });
  const progress = element("span", { class: "autolr-progress" });
  const stale = element("span", { class: "autolr-stale" });
  const error = element("div", { class: "autolr-error", role: "alert" });
  const lost = element("div", { class: "autolr-lost", role: "status" });

  let moments: Moment[] = [];
  /** Seconds of a step as the time that is left counts them. Those of the last slice vary too much for a price. */
  let perStep: number | undefined;
  const isRunning = () => model.get("status") === "running" && !pacer.held() && !pacer.isGone();

  const updateBar = () => {
    const status = model.get("status");
    const round = model.get("round");
    const steps = model.get("progress");
    const total = model.get("num_subsamples");
    const replay = model.get("replay");
    const { taken, all } = stepsOf(steps, round, total);
    const continues = model.get("stale") && model.get("continues");
    const startsOver = taken > 0 && !continues && (model.get("stale") || status === "done" || status === "stopped");
    setText(run, isRunning() ? "Pause" : startsOver ? "Run again" : taken > 0 ? "Resume" : "Run");
    run.title = isRunning() ? "Stop after this training step" : startsOver ? "Start over" : "Run all rounds";
    run.disabled = replay;
    oneRound.disabled = replay || isRunning() || (status === "done" && !model.get("stale"));
    reset.disabled = replay || (taken === 0 && status === "idle");
    pin.disabled = round === 0;
    explain.disabled = replay;
    explain.setAttribute("aria-pressed", String(model.get("explain")));
    bar.max = Math.max(1, all);
    bar.value = taken;
    const settled =
      status === "done" && round < total && !replay ? " · settled: no rate can lower the loss much more" : "";
    const perSecond = isRunning() && !model.get("preparing") && !pacer.isLost() ? speed(moments) : undefined;
    if (perSecond !== undefined) perStep = 1 / perSecond;
    else if (steps.seconds_per_step === null) perStep = undefined;
    const workers = model.get("workers") && isRunning() ? ` · ${model.get("workers")}` : "";
    setText(progress, status === "idle" ? "" : progressText(steps, round, total, perSecond) + settled + workers);
    const next = continues
      ? "More steps: Resume continues the training curves"
      : "Settings changed: the next run starts over";
    setText(stale, model.get("stale") ? next : "");
    setText(error, model.get("error"));
    setText(lost, pacer.isGone() ? GONE + savedText(model.get("autosave")) : pacer.isLost() ? LOST : "");
  };
  const onProgress = () => {
    const { finished, current } = model.get("progress");
    moments = addMoment(moments, { time: performance.now() / 1000, steps: finished + current });
    updateBar();
  };
  const onStatus = () => {
    // Neither a pause nor the preparation counts for the speed.
    moments = [];
    onProgress();
  };
  onChange(model, ["progress"], onProgress, signal);
  onChange(model, ["status", "preparing"], onStatus, signal);
  onChange(
    model,
    ["round", "num_subsamples", "stale", "continues", "error", "explain", "replay", "autosave", "workers"],
    updateBar,
    signal,
  );
  pacer.watch(updateBar, signal);

  const startOrPause = () => {
    if (isRunning()) pacer.hold("pause");
    else pacer.ask(withValues(model, { type: "start" }));
  };
  run.addEventListener("click", startOrPause, { signal });
  oneRound.addEventListener("click", () => pacer.ask(withValues(model, { type: "step" })), { signal });
  reset.addEventListener(
    "click",
    () => {
      pacer.hold("reset");
      forgetRate(model);
    },
    { signal },
  );
  pin.addEventListener("click", () => model.send({ type: "pin_run" }), { signal });
  explain.addEventListener("click", () => assign(model, { explain: !model.get("explain") }), { signal });
  return element(
    "section",
    { class: "autolr-run-bar", "aria-label": "Run" },
    element("div", { class: "autolr-row" }, run, oneRound, reset, pin, explain),
    element("div", { class: "autolr-row autolr-progress-row" }, bar, progress, stale),
    plan(model, signal, () => perStep ?? model.get("progress").seconds_per_step),
    error,
    lost,
  );
}

const LOST = "No answer from the kernel. Another cell may be running, or a single training step takes very long.";
const GONE = "The kernel was restarted or has ended. Run the widget's cell again.";

function savedText(autosave: string): string {
  return autosave ? ` The rounds are in ${autosave}: TunerWidget.load continues the run.` : "";
}
