import { zoom } from "../axis";
import { element } from "../element";
import { assign } from "../screen";
import { type Frame, span } from "./frame";

/** Shows the part of the axis between two fractions. */
export function zoomTo({ axis, model }: Frame, from: number, to: number): void {
  const view = zoom(axis, from, to, model.get("full_view"));
  if (view) assign(model, { view });
}

/** The strip under the plot: a drag along it zooms, a double click shows all. */
export function zoomStrip(frame: Frame): HTMLElement {
  const { model, signal } = frame;
  const brush = element("div", { class: "autolr-brush autolr-gone" });
  const strip = element("div", { class: "autolr-strip", title: "Drag to zoom, double-click to show all" }, brush);
  let start: number | undefined;
  const end = () => {
    start = undefined;
    brush.classList.add("autolr-gone");
  };
  strip.addEventListener(
    "pointerdown",
    (event) => {
      if (event.button !== 0) return;
      strip.setPointerCapture(event.pointerId);
      start = frame.fractionOf(event);
    },
    { signal },
  );
  strip.addEventListener(
    "pointermove",
    (event) => {
      if (start === undefined) return;
      const to = frame.fractionOf(event);
      span(brush, Math.min(start, to), Math.max(start, to));
    },
    { signal },
  );
  strip.addEventListener(
    "pointerup",
    (event) => {
      const from = start;
      end();
      const to = frame.fractionOf(event);
      if (from !== undefined && Math.abs(to - from) > 0.02) zoomTo(frame, from, to);
    },
    { signal },
  );
  strip.addEventListener("pointercancel", end, { signal });
  strip.addEventListener("dblclick", () => assign(model, { view: model.get("full_view") }), { signal });
  return strip;
}
