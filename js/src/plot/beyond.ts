import { formatChange, beyond as highest } from "../curve";
import { element, setText } from "../element";
import { onChange } from "../screen";
import { CURVE, type Frame } from "./frame";

/** How far the curve continues above the plot. */
export function beyond(frame: Frame): HTMLElement {
  const node = element("div", { class: "autolr-beyond" });
  const updateBeyond = () => {
    const top = highest(frame.curve, frame.model.get("limits")[1] ?? Number.POSITIVE_INFINITY);
    setText(node, top === undefined ? "" : `\u25b2 the curve continues to ${formatChange(top)}`);
  };
  onChange(frame.model, ["limits", ...CURVE], updateBeyond, frame.signal);
  return node;
}
