import { toFraction } from "../axis";
import { button, element } from "../element";
import { assign, onChange, withValues } from "../screen";
import type { Frame } from "./frame";
import { zoomTo } from "./zoom_strip";

/** The buttons that zoom, and the one that makes the view the next run's grid. */
export function zoomTools(frame: Frame): HTMLElement {
  const { model, signal } = frame;
  const named = (text: string, label: string) => button(text, { title: label, "aria-label": label });
  const zoomIn = named("+", "Zoom in");
  const zoomOut = named("\u2212", "Zoom out");
  const showAll = named("Show all", "Show the whole range");
  const use = named("Use this range", "Make this range the grid of the next run");

  // Around the chosen line if it is in view, else around the middle.
  const centre = () => {
    const rate = frame.chosen;
    const fraction = rate === null ? 0.5 : toFraction(rate, frame.axis);
    return fraction >= 0 && fraction <= 1 ? fraction : 0.5;
  };
  zoomIn.addEventListener("click", () => zoomTo(frame, centre() / 2, (centre() + 1) / 2), { signal });
  zoomOut.addEventListener("click", () => zoomTo(frame, -centre(), 2 - centre()), { signal });
  showAll.addEventListener(
    "click",
    () => {
      assign(model, { view: model.get("full_view") });
      zoomIn.focus();
    },
    { signal },
  );
  use.addEventListener("click", () => model.send(withValues(model, { type: "use_view" })), { signal });

  const updateTools = () => {
    const zoomed = String(model.get("view")) !== String(model.get("full_view"));
    for (const one of [showAll, use]) one.classList.toggle("autolr-gone", !zoomed);
    use.disabled = model.get("replay");
  };
  onChange(model, ["view", "full_view", "replay"], updateTools, signal);
  return element("div", { class: "autolr-tools" }, use, showAll, zoomOut, zoomIn);
}
