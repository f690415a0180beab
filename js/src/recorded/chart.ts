import type { AnyModel } from "@anywidget/types";
import { toFraction } from "../axis";
import { formatChange } from "../curve";
import { drawing, element, svg } from "../element";
import { AXIS, type Frame } from "../plot/frame";
import { formatRate } from "../rates";
import { onChange } from "../screen";
import { drawnAxes, ticksOf } from "../training/axes";
import { multiples, placeOn, roundStep } from "../training/scales";
import { rateTicks } from "./rate_ticks";
import type { Recorded } from "./recording";

/** Heights of the plot beyond which a line is cut off: a browser can't draw a line to a point that is too far away. */
const FAR = 100;

/** The chart without bqplot: the curve, its band, the zero line and the axes. The front end's parts lie over it. */
export function chart(frame: Frame): HTMLElement {
  const model = frame.model as unknown as AnyModel<Recorded>;
  const node = element("div", { class: "autolr-chart autolr-losses", "aria-hidden": "true" });
  const updateChart = () => {
    const { axis } = frame;
    const [low = -1, high = 1] = model.get("limits");
    const step = roundStep(high - low, 6);
    const changes = { low, high, ticks: multiples(step, low, high) };
    const place = (rate: number, change: number) => {
      const height = Math.max(-FAR, Math.min(FAR, placeOn(changes, change)));
      return `${toFraction(rate, axis)},${1 - height}`;
    };
    const points = model.get("points") ?? [];
    const line = (name: string, rates: number[], means: number[]) => {
      const places = rates.map((rate, i) => place(rate, means[i] as number));
      return svg("path", { class: name, d: places.length ? `M${places.join("L")}` : "" });
    };
    const zero = placeOn(changes, 0);
    const lines = drawing("autolr-lines");
    lines.append(
      svg("path", { class: "autolr-start-level", d: `M0,${1 - zero}L1,${1 - zero}` }),
      svg("path", { class: "autolr-band", d: bandOf(points, model.get("lower"), model.get("upper"), place) }),
      line("autolr-dropped", model.get("raced") ?? [], model.get("dropped") ?? []),
      line("autolr-mean", points, model.get("mean") ?? []),
    );
    const rates = rateTicks(axis).map((rate) => ({ place: toFraction(rate, axis), text: formatRate(rate) }));
    const axes = drawnAxes(rates, ticksOf(changes, formatChange), ["learning rate", "change in loss"]);
    node.replaceChildren(lines, ...axes);
  };
  onChange(frame.model, ["limits", "table", ...AXIS], updateChart, frame.signal);
  return node;
}

/** The outlines of the stretches that have a band. */
export function bandOf(
  points: readonly number[],
  lower: readonly (number | null)[] = [],
  upper: readonly (number | null)[] = [],
  place: (rate: number, change: number) => string,
): string {
  const outlines: string[] = [];
  let there: string[] = [];
  let back: string[] = [];
  const close = () => {
    if (there.length > 1) outlines.push(`M${[...there, ...back].join("L")}Z`);
    [there, back] = [[], []];
  };
  points.forEach((rate, i) => {
    const [low, high] = [lower[i] ?? null, upper[i] ?? null];
    if (low === null || high === null) close();
    else {
      there.push(place(rate, low));
      back.unshift(place(rate, high));
    }
  });
  close();
  return outlines.join("");
}
