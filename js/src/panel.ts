import type { AnyModel, Initialize, Render } from "@anywidget/types";
import { choice } from "./choice";
import { controls } from "./controls";
import { element, heading } from "./element";
import { explain } from "./explain";
import { keepKeys } from "./keys";
import { live } from "./live/live";
import { type Paced, type Pacer, pace } from "./pacer";
import { Frame } from "./plot/frame";
import { legend } from "./plot/pinned_runs";
import { plot } from "./plot/plot";
import { runBar } from "./run_bar";
import { type Model, onChange, type Traits } from "./screen";
import { trainingCurves } from "./training/training_curves";

/** The whole screen except bqplot's figure. anywidget calls this once per model, so all views share the pacer. */
export default (): { initialize: Initialize<Traits>; render: Render<Traits> } => {
  let pacer: Pacer;
  return {
    initialize({ model }) {
      pacer = pace(model as unknown as AnyModel<Paced>);
      return pacer.stop;
    },
    render({ model, el }) {
      const view = new AbortController();
      const { signal } = view;
      const screen = model as Model;
      el.classList.add("autolr-panel");
      onChange(screen, ["margin", "colors"], () => setStyle(screen, el), signal);
      keepKeys(el, signal);
      // Both pictures share what the pointer is on.
      const frame = new Frame(screen, signal);
      el.append(
        choice(screen, pacer, signal),
        explain(screen, pacer, signal),
        changeInLoss(),
        plot(frame),
        legend(frame),
        trainingCurves(frame),
        runBar(screen, pacer, signal),
        live(screen, pacer, signal),
        controls(screen, signal),
      );
      return () => view.abort();
    },
  };
};

/** The title of the chart. */
export function changeInLoss(): HTMLElement {
  return heading("Change in loss at each learning rate", element("span", {}, "Below 0, training lowered the loss"));
}

/** The figure's margins and the curve's colour, for the style sheets. */
export function setStyle(model: Model, el: HTMLElement): void {
  for (const [side, pixels] of Object.entries(model.get("margin")))
    el.style.setProperty(`--autolr-figure-${side}`, `${pixels}px`);
  el.style.setProperty("--autolr-figure-curve", model.get("colors").curve);
}
