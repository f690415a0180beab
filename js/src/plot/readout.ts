import { toFraction } from "../axis";
import { readout as linesAt } from "../curve";
import { element } from "../element";
import { formatRate } from "../rates";
import { onChange } from "../screen";
import { AXIS, CURVE, type Frame } from "./frame";
import { probe } from "./histogram";

/** The index of the rate whose numbers are shown: under the pointer, else at the chosen line while it is in use. */
function shownIndex(frame: Frame): number {
  const { hovered, dragged, focused } = frame.pointing;
  return hovered >= 0 ? hovered : focused || dragged !== undefined ? frame.chosenIndex : -1;
}

/** Places a node at the rate that is shown, and hides it if there is none; `fill` adds what else the node shows. */
function atShownRate(frame: Frame, node: HTMLElement, fill: (rate: number, i: number) => void): HTMLElement {
  const updateReadout = () => {
    const i = shownIndex(frame);
    const rate = frame.curve.rates[i];
    node.classList.toggle("autolr-gone", rate === undefined);
    if (rate === undefined) return;
    frame.place(node, rate);
    fill(rate, i);
  };
  onChange(frame.model, ["selected_lr", ...AXIS, ...CURVE], updateReadout, frame.signal);
  frame.onPointing(updateReadout);
  return node;
}

/** A dotted line at the rate whose numbers are shown. */
export function guide(frame: Frame): HTMLElement {
  return atShownRate(frame, element("div", { class: "autolr-guide" }), () => {});
}

/** The numbers at one rate, in a box. */
export function readout(frame: Frame): HTMLElement {
  const { model, signal, area } = frame;
  const node = element("div", { class: "autolr-readout" });
  area.addEventListener(
    "pointermove",
    (event) => {
      if (!event.isPrimary) return;
      const hovered = frame.indexAt(frame.fractionOf(event));
      frame.point({ hovered });
      probe(model, hovered);
    },
    { signal },
  );
  area.addEventListener(
    "pointerleave",
    () => {
      frame.point({ hovered: -1 });
      probe(model, frame.chosenIndex);
    },
    { signal },
  );
  return atShownRate(frame, node, (rate, i) => {
    node.classList.toggle("autolr-left", toFraction(rate, frame.axis) > 0.5);
    const lines: [string, string][] = [["rate", formatRate(rate)], ...linesAt(frame.curve, i)];
    node.replaceChildren(...lines.flatMap(([name, value]) => [element("span", {}, name), element("span", {}, value)]));
  });
}
