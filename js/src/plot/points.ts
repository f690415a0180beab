import { toFraction } from "../axis";
import { element } from "../element";
import { onChange } from "../screen";
import { AXIS, CURVE, type Frame, percent, side } from "./frame";

/** The means at the measured rates, as dots on the curve. Rates that diverged in some round have none. */
export function points(frame: Frame): HTMLElement {
  const node = element("div", { class: "autolr-layer" });
  const updatePoints = () => {
    const { rates, mean, diverged } = frame.curve;
    const [bottom = -1, top = 1] = frame.model.get("limits");
    const dots: HTMLElement[] = [];
    rates.forEach((rate, i) => {
      const height = ((mean[i] as number) - bottom) / (top - bottom);
      // Without a mean, the comparison is false.
      if (!(height >= 0 && height <= 1) || (diverged[i] as number) > 0) return;
      const place = toFraction(rate, frame.axis);
      if (side(place) !== 0) return;
      const dot = element("div", { class: "autolr-point" });
      dot.style.left = percent(place);
      dot.style.top = percent(1 - height);
      dots.push(dot);
    });
    node.replaceChildren(...dots);
  };
  onChange(frame.model, ["limits", ...AXIS, ...CURVE], updatePoints, frame.signal);
  return node;
}
