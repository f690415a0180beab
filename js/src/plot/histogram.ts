import { toFraction } from "../axis";
import { formatChange } from "../curve";
import { element } from "../element";
import { formatRate } from "../rates";
import { assign, type Model, onChange } from "../screen";
import { AXIS, CURVE, type Frame, percent } from "./frame";

/** Asks the kernel for the histogram of another rate, if histograms are shown. */
export function probe(model: Model, i: number): void {
  if (model.get("probed") >= 0 && i >= 0 && model.get("probed") !== i) assign(model, { probed: i });
}

/** The changes in loss of all rounds at one rate. */
export function histogram(frame: Frame): HTMLElement {
  const { model } = frame;
  const node = element("div", { class: "autolr-histogram" });
  const updateHistogram = () => {
    const { edges = [], counts = [] } = model.get("histogram");
    node.classList.toggle("autolr-gone", model.get("probed") < 0 || counts.length === 0);
    const rate = frame.curve.rates[model.get("probed")];
    const most = Math.max(...counts);
    node.classList.toggle("autolr-left", rate !== undefined && toFraction(rate, frame.axis) < 0.5);
    node.replaceChildren(
      element("div", {}, `change in loss at ${rate === undefined ? "" : formatRate(rate)}, by rounds`),
      element(
        "div",
        { class: "autolr-bars" },
        ...counts.map((count) => {
          const bar = element("div", { title: `${count} rounds` });
          bar.style.height = percent(count / most);
          return bar;
        }),
      ),
      element(
        "div",
        { class: "autolr-bar-ends" },
        element("span", {}, formatChange(edges[0] ?? 0)),
        element("span", {}, formatChange(edges.at(-1) ?? 0)),
      ),
    );
  };
  onChange(model, ["histogram", "probed", ...AXIS, ...CURVE], updateHistogram, frame.signal);
  return node;
}
