import { element, keepKeys, setText } from "./element";
import type { Pacer } from "./pacer";
import { type Mark, progressText, rate, record } from "./progress";
import { assign, follow, type Model, type Part, withValues } from "./screen";

/** Run/Pause, Step, Reset, what is done with whole runs, and the progress. */
export function runBar(model: Model, pacer: Pacer): Part {
  const run = element("button", { type: "button", class: "autolr-run" });
  const step = element("button", { type: "button", title: "Run one round" }, "Step");
  const reset = element("button", { type: "button", title: "Forget all rounds" }, "Reset");
  const pin = element(
    "button",
    { type: "button", title: "Keep this curve, to compare the next run with" },
    "Pin this run",
  );
  const explain = element("button", { type: "button", title: "Let Step tell what one round does" }, "Explain");
  const bar = element("progress", { "aria-label": "Rounds finished" });
  const text = element("span", { class: "autolr-progress" });
  const stale = element("span", { class: "autolr-stale" });
  const error = element("div", { class: "autolr-error", role: "alert" });
  const lost = element("div", { class: "autolr-lost", role: "status" });
  const node = element(
    "section",
    { class: "autolr-run-bar", "aria-label": "Run" },
    element("div", { class: "autolr-row" }, run, step, reset, pin, explain),
    element("div", { class: "autolr-row autolr-progress-row" }, bar, text, stale),
    error,
    lost,
  );
  const releaseKeys = keepKeys(run, step, reset, pin, explain);

  let marks: Mark[] = [];
  const isRunning = () => model.get("status") === "running" && !pacer.isHeld();

  const draw = () => {
    const status = pacer.isHeld() ? "paused" : model.get("status");
    const round = model.get("round");
    const total = model.get("num_subsamples");
    const recorded = model.get("recorded");
    const afresh = round > 0 && (model.get("stale") || status === "done" || status === "stopped");
    setText(run, isRunning() ? "Pause" : afresh ? "Run again" : round > 0 ? "Go on" : "Run");
    run.title = isRunning() ? "Stop after this round" : afresh ? "Start anew from round 1" : "Run all rounds";
    run.disabled = recorded;
    step.disabled = recorded || isRunning() || (status === "done" && !model.get("stale"));
    reset.disabled = recorded || (round === 0 && status === "idle");
    pin.disabled = round === 0;
    explain.disabled = recorded;
    explain.setAttribute("aria-pressed", String(model.get("explain")));
    bar.max = Math.max(round, total);
    bar.value = round;
    const settled =
      status === "done" && round < total && !recorded ? " · settled: no other rate can be much better" : "";
    const perSecond = isRunning() && !pacer.isLost() ? rate(marks) : undefined;
    setText(text, progressText(round, total, perSecond) + settled);
    setText(stale, model.get("stale") ? "Settings changed: the next run starts afresh" : "");
    setText(error, model.get("error"));
    setText(lost, pacer.isLost() ? gone(model.get("autosave")) : "");
  };
  const onRound = () => {
    marks = record(marks, { time: performance.now() / 1000, round: model.get("round") });
    draw();
  };
  const onStatus = () => {
    // The time spent paused is no part of the rate.
    marks = [];
    onRound();
  };

  run.addEventListener("click", () => {
    if (isRunning()) {
      pacer.hold();
    } else {
      pacer.ask(withValues(model, { type: "start" }));
    }
  });
  step.addEventListener("click", () => pacer.ask(withValues(model, { type: "step" })));
  reset.addEventListener("click", () => pacer.ask({ type: "reset" }));
  pin.addEventListener("click", () => model.send({ type: "pin_run" }));
  explain.addEventListener("click", () => assign(model, { explain: !model.get("explain") }));

  const ends = [
    follow(model, ["round"], onRound),
    follow(model, ["status"], onStatus),
    follow(model, ["num_subsamples", "stale", "error", "explain", "recorded"], draw),
    pacer.watch(draw),
    releaseKeys,
  ];
  return {
    node,
    end: () => {
      for (const end of ends) end();
    },
  };
}

/** What to do where the kernel has not answered for long. */
function gone(autosave: string): string {
  const saved = autosave ? ` The rounds are in ${autosave}: TunerWidget.load goes on with them.` : "";
  return `No answer from the kernel for a while. It measures a long round, another cell keeps it busy, or it was restarted: only then run the widget's cell again.${saved}`;
}
