import type { AnyModel, Initialize, Render } from "@anywidget/types";
import { choice } from "./choice";
import { controls } from "./controls";
import { explain } from "./explain";
import { type Paced, type Pacer, pace } from "./pacer";
import { plot } from "./plot";
import { runBar } from "./run_bar";
import type { Model, Screen } from "./screen";

/** All of the screen but bqplot's picture. anywidget calls this once a model, so that its views share the pacer. */
export default (): { initialize: Initialize<Screen>; render: Render<Screen> } => {
  let pacer: Pacer;
  return {
    initialize({ model }) {
      pacer = pace(model as unknown as AnyModel<Paced>);
      return pacer.stop;
    },
    render({ model, el }) {
      const screen = model as Model;
      const parts = [choice(screen, pacer), explain(screen), plot(screen), runBar(screen, pacer), controls(screen)];
      el.classList.add("autolr-panel");
      el.append(...parts.map((part) => part.node));
      return () => {
        for (const part of parts) part.end();
      };
    },
  };
};
