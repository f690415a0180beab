import { formatChange } from "../curve";
import { element } from "../element";
import { percent } from "../plot/frame";
import { placeOn, type Scale } from "./scales";

/** The two axes, like those of bqplot's figure beside it. Before there is a loss, its axis has no numbers. */
export function axes(steps: Scale, loss: Scale | undefined, lossName = "loss on each batch"): HTMLElement[] {
  const tick = (name: string, side: "left" | "bottom", place: number, text: string) => {
    const node = element("div", { class: `autolr-axis-tick autolr-axis-${name}` }, element("span", {}, text));
    node.style[side] = percent(place);
    return node;
  };
  return [
    ...steps.ticks.map((step) => tick("step", "left", placeOn(steps, step), String(step))),
    ...(loss?.ticks.map((value) => tick("loss", "bottom", placeOn(loss, value), formatChange(value))) ?? []),
    element("div", { class: "autolr-axis-name autolr-axis-step" }, "training step"),
    element("div", { class: "autolr-axis-name autolr-axis-loss" }, lossName),
  ];
}
