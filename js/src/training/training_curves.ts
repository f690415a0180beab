import { element, heading, setText, svg } from "../element";
import { AXIS, type Frame, percent } from "../plot/frame";
import { probe } from "../plot/histogram";
import { assign, onChange } from "../screen";
import { axes } from "./axes";
import { setColor } from "./colors";
import { type EndLabel, endLabels, placeOf, SIGNS } from "./end_labels";
import { labelled, ROWS } from "./labels";
import { readCurves } from "./lines";
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
  const lines = svg("svg", { class: "autolr-lines", viewBox: "0 0 1 1", preserveAspectRatio: "none" });
  const marks = element("div", { class: "autolr-layer" });
  const leads = svg("svg", { class: "autolr-leads", viewBox: "0 0 1 1", preserveAspectRatio: "none" });
  const ends = element("div", { class: "autolr-ends" }, leads);
  // The label of the line that is pointed at, if it has none of its own.
  const extra = element("div");
  const picture = element("div", { class: "autolr-losses", role: "img" }, axisLayer, lines, marks, ends);
  const node = element("section", { class: "autolr-training", "aria-label": title }, heading(title, caption), picture);

  let shapes: Shape[] = [];
  let labels: EndLabel[] = [];
  let paths = new Map<number, SVGElement>();

  const updateCurves = () => {
    const { rates } = frame.curve;
    const known = readCurves(model.get("curves"), rates.length);
    const horizon = known.horizon || model.get("horizon");
    node.classList.toggle("autolr-gone", horizon === 1 || (known.horizon === 0 && model.get("replay")));
    const [steps, loss] = [stepScale(horizon), lossScale(known.lines)];
    shapes = loss ? shapesOf(known.lines, steps, loss) : [];
    axisLayer.replaceChildren(...axes(steps, loss));
    paths = new Map(
      shapes.map(({ index, points }) => {
        const path = svg("path", { d: `M${points.map((point) => point.join(" ")).join("L")}` });
        setColor(path, placeOf(index, rates));
        return [index, path];
      }),
    );
    const start = startOf(known.lines);
    const y = loss && start !== undefined ? 1 - placeOn(loss, start) : 0;
    const level = svg("path", { class: "autolr-start-level", d: `M0 ${y}L1 ${y}` });
    lines.replaceChildren(...(loss ? [level] : []), ...paths.values());
    lines.classList.toggle("autolr-many", shapes.length > 2 * ROWS);
    marks.replaceChildren(
      ...shapes.flatMap(({ index, ending, end }) => {
        if (ending === "open") return [];
        const mark = element(
          "div",
          { class: `autolr-mark${ending === "beyond" ? " autolr-at-top" : ""}` },
          SIGNS[ending],
        );
        setColor(mark, placeOf(index, rates));
        [mark.style.left, mark.style.top] = [percent(end[0]), percent(end[1])];
        return [mark];
      }),
    );
    ends.style.left = percent(Math.max(0, ...shapes.map(({ end }) => end[0])));
    const has = (ending: Shape["ending"]) => shapes.some((shape) => shape.ending === ending);
    const signs = [
      has("diverged") ? `${SIGNS.diverged} diverged` : "",
      has("beyond") ? `${SIGNS.beyond} continues above` : "",
    ];
    const said = [model.get("curves_of") || "A line per rate, from the first round on", ...signs];
    setText(caption, said.filter(Boolean).join(" \u00b7 "));
    updateLabels();
  };

  const updateLabels = () => {
    const { rates } = frame.curve;
    const some = labelled(shapes, frame.chosenIndex);
    const made = endLabels([...some].reverse(), rates);
    labels = made.labels;
    leads.replaceChildren(...made.leads);
    ends.replaceChildren(leads, ...labels.map((label) => label.node), extra);
    const { lines: all } = readCurves(model.get("curves"), rates.length);
    picture.setAttribute(
      "aria-label",
      words(
        all,
        rates,
        some.map(({ index }) => index),
        frame.chosenIndex,
      ),
    );
    light();
  };

  /** Shows which rate is chosen and which is pointed at. */
  const light = () => {
    const { chosenIndex: chosen } = frame;
    const { hovered } = frame.pointing;
    picture.classList.toggle("autolr-dimmed", hovered >= 0);
    const unlabelled = shapes.filter(
      ({ index }) => index === hovered && !labels.some((label) => label.index === hovered),
    );
    extra.replaceChildren(...endLabels(unlabelled, frame.curve.rates).labels.map((label) => label.node));
    for (const [index, one] of [...paths, ...labels.map((label) => [label.index, label.node] as const)]) {
      one.classList.toggle("autolr-strong", index === chosen);
      one.classList.toggle("autolr-hovered", index === hovered);
    }
    // Above the others.
    for (const index of [chosen, hovered]) lines.append(...(paths.has(index) ? [paths.get(index) as SVGElement] : []));
  };
  onChange(model, ["rates", "curves", "curves_of", "horizon", "replay"], updateCurves, signal);
  onChange(model, ["selected_lr", ...AXIS], updateLabels, signal);
  frame.onPointing(light);

  const indexAt = (event: MouseEvent) => {
    const box = lines.getBoundingClientRect();
    const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    if (event.clientX > ends.getBoundingClientRect().left)
      return labels.find((label) => Math.abs(label.y - y) < 0.5 / ROWS)?.index ?? -1;
    return nearestLine(shapes, x, y, box.width / box.height, REACH / box.height);
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
