import { toFraction } from "../axis";
import { element } from "../element";
import { onChange } from "../screen";
import { AXIS, type Frame, span } from "./frame";

/** The shaded interval of the chosen rate, which is hidden while the line is dragged. */
export function interval(frame: Frame): HTMLElement {
  const node = element("div", { class: "autolr-interval" });
  const updateInterval = () => {
    const [low, high] = frame.model.get("interval");
    const known = low !== undefined && high !== undefined && low < high && frame.pointing.dragged === undefined;
    node.classList.toggle("autolr-gone", !known);
    if (known) span(node, toFraction(low, frame.axis), toFraction(high, frame.axis));
  };
  onChange(frame.model, ["interval", ...AXIS], updateInterval, frame.signal);
  frame.onPointing(updateInterval);
  return node;
}
