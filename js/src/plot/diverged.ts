import { around, stretches } from "../axis";
import { element } from "../element";
import { onChange } from "../screen";
import { AXIS, CURVE, type Frame, span } from "./frame";

/** The hatched areas of the rates that diverged. */
export function diverged(frame: Frame): HTMLElement {
  const node = element("div", { class: "autolr-layer" });
  const updateDiverged = () => {
    const { rates, diverged } = frame.curve;
    const areas = stretches([...diverged].map((times) => times > 0)).map(([first, last]) => {
      const times = [...diverged.subarray(first, last + 1)];
      const [least, most] = [Math.min(...times), Math.max(...times)];
      const text = `diverged in ${least === most ? most : `${least} to ${most}`} round${most === 1 ? "" : "s"}`;
      const area = element("div", { class: "autolr-diverged" }, element("span", {}, text));
      span(area, ...around(rates, first, last, frame.axis));
      return area;
    });
    node.replaceChildren(...areas);
  };
  onChange(frame.model, [...AXIS, ...CURVE], updateDiverged, frame.signal);
  return node;
}
