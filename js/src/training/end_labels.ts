import { element, svg } from "../element";
import { percent } from "../plot/frame";
import { formatRate } from "../rates";
import { setColor } from "./colors";
import { spread } from "./labels";
import type { Shape } from "./shapes";

/** What marks a line that ends before the last step. */
export const SIGNS = { open: "", beyond: "\u25b2", diverged: "\u00d7" };

/** A label with the rate at the end of a line, and where it is. */
export interface EndLabel {
  index: number;
  y: number;
  node: HTMLElement;
}

/** The labels of some lines, in `rows` below one another behind the line that reaches farthest, and what leads to them. */
export function endLabels(
  shapes: readonly Shape[],
  rates: Float64Array,
  rows: number,
): { labels: EndLabel[]; leads: SVGElement[] } {
  const ys = spread(
    shapes.map(({ end }) => end[1]),
    1 / rows,
  );
  const labels = shapes.map(({ index, ending }, i) => {
    const y = ys[i] as number;
    const sign = element("span", { class: "autolr-sign" }, SIGNS[ending]);
    setColor(sign, placeOf(index, rates));
    const node = element("div", { class: "autolr-end-label" }, sign, formatRate(rates[index] as number));
    node.style.top = percent(y);
    return { index, y, node };
  });
  const leads = shapes.flatMap(({ index, ending, end }, i) => {
    if (ending !== "open") return [];
    const lead = svg("path", { d: `M0,${end[1]}L1,${ys[i]}` });
    setColor(lead, placeOf(index, rates));
    return [lead];
  });
  return { labels, leads };
}

/** The place of a rate in the grid, for its colour. */
export function placeOf(index: number, rates: Float64Array): number {
  return rates.length > 1 ? index / (rates.length - 1) : 0.5;
}
