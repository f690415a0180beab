import type { AnyModel, Initialize, Render } from "@anywidget/types";
import { element, keepKeys, setText } from "./element";
import { type Paced, pace } from "./pacer";
import { type Mark, progressText, rate, record } from "./progress";

export interface RunBar extends Paced {
  num_subsamples: number;
  stale: boolean;
  error: string;
}

const STATUS: Record<string, string> = {
  idle: "Ready",
  running: "Running",
  paused: "Paused",
  done: "Done",
  stopped: "Stopped",
  error: "Stopped by an error",
};

/** Run/Pause, Step, Reset and the progress. anywidget calls this once a model, so that its views share the pacer. */
export default (): { initialize: Initialize<RunBar>; render: Render<RunBar> } => {
  let hold = () => {};
  // From the click on Pause until the kernel has heard of it, which takes as long as a cell blocks it.
  let pausing = false;

  return {
    initialize({ model }) {
      const pacer = pace(model as unknown as AnyModel<Paced>);
      hold = pacer.hold;
      model.on("change:status", () => {
        pausing = false;
      });
      return pacer.stop;
    },

    render({ model, el }) {
      const run = element("button", { type: "button", class: "autolr-run" });
      const step = element("button", { type: "button", title: "Run one round" }, "Step");
      const reset = element("button", { type: "button", title: "Forget all rounds" }, "Reset");
      const bar = element("progress", { "aria-label": "Rounds finished" });
      const text = element("span", { class: "autolr-progress" });
      const state = element("span", { class: "autolr-state", role: "status" });
      const error = element("div", { class: "autolr-error", role: "alert" });
      el.classList.add("autolr-run-bar");
      const releaseKeys = keepKeys(run, step, reset);
      el.append(
        element("div", { class: "autolr-row" }, run, step, reset, bar),
        element("div", { class: "autolr-row autolr-says-row" }, text, state),
        error,
      );

      let marks: Mark[] = [];
      const isRunning = () => model.get("status") === "running" && !pausing;

      const draw = () => {
        const status = pausing ? "paused" : model.get("status");
        const round = model.get("round");
        const total = model.get("num_subsamples");
        const afresh = round > 0 && (model.get("stale") || status === "done" || status === "stopped");
        setText(run, isRunning() ? "Pause" : afresh ? "Run again" : round > 0 ? "Go on" : "Run");
        run.title = isRunning() ? "Stop after this round" : afresh ? "Start anew from round 1" : "Run all rounds";
        step.disabled = isRunning() || (status === "done" && !model.get("stale"));
        reset.disabled = round === 0 && status === "idle";
        bar.max = total;
        bar.value = round;
        setText(text, progressText(round, total, isRunning() ? rate(marks) : undefined));
        setText(
          state,
          model.get("stale") ? "Settings changed: the next run starts afresh" : (STATUS[status] ?? status),
        );
        setText(error, model.get("error"));
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
          pausing = true;
          hold();
          model.send({ type: "pause" });
        } else {
          model.send({ type: "start" });
        }
        draw();
      });
      step.addEventListener("click", () => model.send({ type: "step" }));
      reset.addEventListener("click", () => model.send({ type: "reset" }));

      const listeners = {
        "change:round": onRound,
        "change:status": onStatus,
        "change:num_subsamples": draw,
        "change:stale": draw,
        "change:error": draw,
      };
      for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
      onRound();
      return () => {
        releaseKeys();
        for (const [event, listener] of Object.entries(listeners)) model.off(event as "change:round", listener);
      };
    },
  };
};
