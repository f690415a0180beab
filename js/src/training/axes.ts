import { formatChange } from "../curve";
import { element } from "../element";
import { percent } from "../plot/frame";
import { placeOn, type Scale } from "./scales";

/** A number at an axis, and its place from 0 to 1. */
export interface Tick {
  place: number;
  text: string;
}

/** The axis of the training steps and that of the loss. Before there is a loss, its axis has no numbers. */
export function axes(steps: Scale, loss: Scale | undefined, lossName = "loss on each batch"): HTMLElement[] {
  return drawnAxes(ticksOf(steps, String), loss ? ticksOf(loss, formatChange) : [], ["training step", lossName]);
}

/** The ticks of a scale. */
export function ticksOf(scale: Scale, format: (value: number) => string): Tick[] {
  return scale.ticks.map((value) => ({ place: placeOn(scale, value), text: format(value) }));
}

/** The two axes, like those of bqplot's figure. */
export function drawnAxes(across: Tick[], up: Tick[], [acrossName, upName]: [string, string]): HTMLElement[] {
  const tick = (name: string, side: "left" | "bottom") => (one: Tick) => {
    const node = element("div", { class: `autolr-axis-tick autolr-axis-${name}` }, element("span", {}, one.text));
    node.style[side] = percent(one.place);
    return node;
  };
  return [
    ...across.map(tick("step", "left")),
    ...up.map(tick("loss", "bottom")),
    element("div", { class: "autolr-axis-name autolr-axis-step" }, acrossName),
    element("div", { class: "autolr-axis-name autolr-axis-loss" }, upName),
  ];
}
