import { drawing, element, heading, setText, svg } from "../element";
import { AXIS, type Frame, percent } from "../plot/frame";
import { probe } from "../plot/histogram";
import { assign, onChange } from "../screen";
import { axes } from "./axes";
import { setColor } from "./colors";
import { type EndLabel, endLabels, placeOf, SIGNS } from "./end_labels";
import { LARGE_ROWS, labelled, ROWS } from "./labels";
import { type Curves, readCurves } from "./lines";
import { lossScale, placeOn, startOf, stepScale } from "./scales";
import { nearestLine, type Shape, shapesOf } from "./shapes";
import { words } from "./words";

/** Pixels from a line at which the pointer still points at it. */
const REACH = 24;

/** The second picture: the loss along the training steps, a line per rate. */
export function trainingCurves(frame: Frame): HTMLElement {
  const { model, signal } = frame;
  const title = "Loss along the training steps";
  const caption = element("span");
  const axisLayer = element("div", { class: "autolr-layer" });
  const lines = drawing("autolr-lines");
  const marks = element("div", { class: "autolr-layer autolr-marks" });
  const leads = drawing("autolr-leads");
  const ends = element("div", { class: "autolr-ends" });
  // The label of the line that is pointed at, if it has none of its own.
  const extra = element("div");
  const picture = element("div", { class: "autolr-losses", role: "img" }, axisLayer, lines, marks, ends);
  const node = element("section", { class: "autolr-training", "aria-label": title }, heading(title, caption), picture);

  let curves: Curves;
  let shapes: Shape[] = [];
  let paths = new Map<number, SVGElement>();
  let labels: EndLabel[] = [];

  const rows = () => (model.get("large") ? LARGE_ROWS : ROWS);

  const updateCurves = () => {
    const { rates } = frame.curve;
    curves = readCurves(model.get("curves"), rates.length);
    const horizon = curves.horizon || model.get("horizon");
    const hidden = horizon === 1 || (curves.horizon === 0 && model.get("replay"));
    node.classList.toggle("autolr-gone", hidden);
    const steps = stepScale(horizon);
    const loss = hidden ? undefined : lossScale(curves.lines);
    shapes = loss ? shapesOf(curves.lines, steps, loss) : [];
    const colored = <T extends HTMLElement | SVGElement>(one: T, index: number) => {
      setColor(one, placeOf(index, rates));
      return one;
    };

    axisLayer.replaceChildren(...axes(steps, loss));
    paths = new Map(
      shapes.map(({ index, points }) => [index, colored(svg("path", { d: `M${points.join("L")}` }), index)]),
    );
    const start = loss ? 1 - placeOn(loss, startOf(curves.lines) as number) : 0;
    const level = svg("path", { class: "autolr-start-level", d: `M0,${start}L1,${start}` });
    lines.replaceChildren(...(loss ? [level] : []), ...paths.values());
    lines.classList.toggle("autolr-many", shapes.length > 2 * ROWS);
    marks.replaceChildren(
      ...shapes.flatMap(({ index, ending, end: [x, y] }) => {
        if (ending === "open") return [];
        const mark = colored(element("div", { class: `autolr-mark autolr-mark-${ending}` }, SIGNS[ending]), index);
        [mark.style.left, mark.style.top] = [percent(x), percent(y)];
        return [mark];
      }),
    );
    ends.style.left = percent(Math.max(0, ...shapes.map(({ end }) => end[0])));
    const said = [model.get("curves_of") || "A line per rate, from the first round on"];
    if (shapes.some(({ ending }) => ending === "diverged")) said.push(`${SIGNS.diverged} diverged`);
    if (shapes.some(({ ending }) => ending === "beyond")) said.push(`${SIGNS.beyond} continues above`);
    setText(caption, said.join(" \u00b7 "));
    updateLabels();
  };

  const updateLabels = () => {
    const { rates } = frame.curve;
    // From the highest rate to the lowest, in this order where lines end in the same place.
    const some = labelled(shapes, frame.chosenIndex).reverse();
    const made = endLabels(some, rates, rows());
    labels = made.labels;
    leads.replaceChildren(...made.leads);
    ends.replaceChildren(leads, ...labels.map((label) => label.node), extra);
    const indices = some.map(({ index }) => index).reverse();
    picture.setAttribute("aria-label", words(curves.lines, rates, indices, frame.chosenIndex));
    light();
  };

  /** Shows which rate is chosen, and which is pointed at. */
  const light = () => {
    const { chosenIndex: chosen } = frame;
    const { hovered } = frame.pointing;
    const unlabelled = shapes.filter(
      ({ index }) => index === hovered && labels.every((label) => label.index !== hovered),
    );
    extra.replaceChildren(...endLabels(unlabelled, frame.curve.rates, rows()).labels.map((label) => label.node));
    picture.classList.toggle("autolr-dimmed", paths.has(hovered));
    const mark = (one: Element, index: number) => {
      one.classList.toggle("autolr-strong", index === chosen);
      one.classList.toggle("autolr-hovered", index === hovered);
    };
    for (const label of labels) mark(label.node, label.index);
    for (const [index, path] of paths) mark(path, index);
    // Above the others.
    for (const index of [chosen, hovered]) lines.append(...[paths.get(index) ?? []].flat());
  };
  onChange(model, ["rates", "curves", "curves_of", "horizon", "replay"], updateCurves, signal);
  onChange(model, ["selected_lr", "large", ...AXIS], updateLabels, signal);
  frame.onPointing(light);
  const updateGrowth = () => {
    // Explain shows the steps of its round one after the other.
    picture.classList.toggle("autolr-growing", model.get("explain") && model.get("stage") === 3);
  };
  onChange(model, ["explain", "stage"], updateGrowth, signal);

  /** The rate whose line or label is under the pointer, or -1. */
  const indexAt = (event: MouseEvent) => {
    const { left, top, width, height } = lines.getBoundingClientRect();
    const [x, y] = [(event.clientX - left) / width, (event.clientY - top) / height];
    if (event.clientX > ends.getBoundingClientRect().left)
      return labels.find((label) => Math.abs(label.y - y) < 0.5 / rows())?.index ?? -1;
    return nearestLine(shapes, x, y, width / height, REACH / height);
  };
  const point = (hovered: number) => {
    picture.classList.toggle("autolr-on-line", hovered >= 0);
    frame.point({ hovered });
    probe(model, hovered >= 0 ? hovered : frame.chosenIndex);
  };
  picture.addEventListener("pointermove", (event) => point(indexAt(event)), { signal });
  picture.addEventListener("pointerleave", () => point(-1), { signal });
  picture.addEventListener(
    "click",
    (event) => {
      const rate = frame.choosable(indexAt(event));
      if (rate !== undefined) assign(model, { selected_lr: rate, pinned: true });
    },
    { signal },
  );
  return node;
}
