import { element } from "../element";
import { AXIS, type Frame } from "../plot/frame";
import { onChange } from "../screen";
import { setColor } from "./colors";
import { placeOf } from "./end_labels";

/** The colours of the rates, on the axis of the first picture: the key to the lines of the second. */
export function rateTicks(frame: Frame): HTMLElement {
  const node = element("div", { class: "autolr-layer" });
  const updateTicks = () => {
    const { rates } = frame.curve;
    const shown = frame.model.get("curves").byteLength > 0 ? rates : rates.subarray(0, 0);
    node.replaceChildren(
      ...Array.from(shown, (rate, i) => {
        const tick = element("div", { class: "autolr-rate-tick" });
        setColor(tick, placeOf(i, rates));
        frame.place(tick, rate);
        return tick;
      }),
    );
  };
  onChange(frame.model, ["rates", "curves", ...AXIS], updateTicks, frame.signal);
  return node;
}
