import { button, element, setText } from "./element";
import type { Pacer } from "./pacer";
import { addMoment, type Moment, progressText, rate } from "./progress";
import { assign, type Model, onChange, withValues } from "./screen";

/** Run and Pause, One round, Reset, the buttons for whole runs, and the progress. */
export function runBar(model: Model, pacer: Pacer, signal: AbortSignal): HTMLElement {
  const run = button("", { class: "autolr-run" });
  const oneRound = button("One round", { title: "Run one round" });
  const reset = button("Reset", { title: "Discard all rounds" });
  const pin = button("Pin this run", { title: "Keep this curve, to compare the next run with it" });
  const explain = button("Explain", { title: "Explain each step of a round" });
  const bar = element("progress", { "aria-label": "Rounds finished" });
  const progress = element("span", { class: "autolr-progress" });
  const stale = element("span", { class: "autolr-stale" });
  const error = element("div", { class: "autolr-error", role: "alert" });
  const lost = element("div", { class: "autolr-lost", role: "status" });

  let moments: Moment[] = [];
  const isRunning = () => model.get("status") === "running" && !pacer.isHeld();

  const updateBar = () => {
    const status = pacer.isHeld() ? "paused" : model.get("status");
    const round = model.get("round");
    const total = model.get("num_subsamples");
    const replay = model.get("replay");
    const startsOver = round > 0 && (model.get("stale") || status === "done" || status === "stopped");
    setText(run, isRunning() ? "Pause" : startsOver ? "Run again" : round > 0 ? "Resume" : "Run");
    run.title = isRunning() ? "Stop after this round" : startsOver ? "Start over" : "Run all rounds";
    run.disabled = replay;
    oneRound.disabled = replay || isRunning() || (status === "done" && !model.get("stale"));
    reset.disabled = replay || (round === 0 && status === "idle");
    pin.disabled = round === 0;
    explain.disabled = replay;
    explain.setAttribute("aria-pressed", String(model.get("explain")));
    bar.max = Math.max(round, total);
    bar.value = round;
    const settled = status === "done" && round < total && !replay ? " · settled: no other rate can be much better" : "";
    const perSecond = isRunning() && !pacer.isLost() ? rate(moments) : undefined;
    setText(progress, progressText(round, total, perSecond) + settled);
    setText(stale, model.get("stale") ? "Settings changed: the next run starts over" : "");
    setText(error, model.get("error"));
    setText(lost, pacer.isLost() ? lostText(model.get("autosave")) : "");
  };
  const onRound = () => {
    moments = addMoment(moments, { time: performance.now() / 1000, round: model.get("round") });
    updateBar();
  };
  const onStatus = () => {
    // A pause does not count for the rate of rounds.
    moments = [];
    onRound();
  };
  onChange(model, ["round"], onRound, signal);
  onChange(model, ["status"], onStatus, signal);
  onChange(model, ["num_subsamples", "stale", "error", "explain", "replay", "autosave"], updateBar, signal);
  pacer.watch(updateBar, signal);

  const startOrPause = () => {
    if (isRunning()) pacer.hold();
    else pacer.ask(withValues(model, { type: "start" }));
  };
  run.addEventListener("click", startOrPause, { signal });
  oneRound.addEventListener("click", () => pacer.ask(withValues(model, { type: "step" })), { signal });
  reset.addEventListener("click", () => pacer.ask({ type: "reset" }), { signal });
  pin.addEventListener("click", () => model.send({ type: "pin_run" }), { signal });
  explain.addEventListener("click", () => assign(model, { explain: !model.get("explain") }), { signal });
  return element(
    "section",
    { class: "autolr-run-bar", "aria-label": "Run" },
    element("div", { class: "autolr-row" }, run, oneRound, reset, pin, explain),
    element("div", { class: "autolr-row autolr-progress-row" }, bar, progress, stale),
    error,
    lost,
  );
}

/** What to do if the kernel has not answered for a long time. */
function lostText(autosave: string): string {
  const saved = autosave ? ` The rounds are in ${autosave}: TunerWidget.load continues the run.` : "";
  return `No answer from the kernel. It may be measuring a long round, another cell may be running, or it was restarted. If it was restarted, run the widget's cell again.${saved}`;
}
