import { toFraction } from "../axis";
import { readout } from "../curve";
import { element, setText } from "../element";
import { formatRate } from "../rates";
import { assign, onChange } from "../screen";
import { AXIS, CURVE, type Frame, side } from "./frame";
import { probe } from "./histogram";

/** Pixels that the pointer may move before it drags the line. */
const SLACK = 3;

/** The parts of the axis that an arrow key and a page key move the line by. */
const [STEP, PAGE] = [0.01, 0.1];

/** The line at the chosen rate, which is moved by pointer and by keys. */
export function chosenLine(frame: Frame): HTMLElement {
  const { model, signal, area, pointing } = frame;
  const line = element("div", {
    class: "autolr-chosen",
    role: "slider",
    tabindex: "0",
    "aria-label": "Chosen learning rate, on the chart",
  });

  const updateLine = () => {
    const rate = frame.chosen;
    line.classList.toggle("autolr-gone", rate === null);
    if (rate === null) return;
    frame.place(line, rate);
    const { curve, chosenIndex: i } = frame;
    const measured = curve.rates[i] ?? rate;
    const words = readout(curve, i).map(([name, value]) => `${name} ${value}`);
    if (Math.abs(measured / rate - 1) > 1e-6) words.unshift(`nearest measured ${formatRate(measured)}`);
    words.unshift(formatRate(rate));
    // In per cent of the axis, which may be logarithmic; the rate itself is in the text.
    line.setAttribute("aria-valuemin", "0");
    line.setAttribute("aria-valuemax", "100");
    line.setAttribute("aria-valuenow", (100 * toFraction(rate, frame.axis)).toFixed(1));
    line.setAttribute("aria-valuetext", words.join(", "));
  };
  onChange(model, ["selected_lr", ...AXIS, ...CURVE], updateLine, signal);
  frame.onPointing(updateLine);

  let grabbed = 0;
  let moved = false;
  area.addEventListener(
    "pointerdown",
    (event) => {
      if (!event.isPrimary || event.button !== 0 || (event.target as Element).closest("button")) return;
      // Pressing the line itself does not yet choose another rate.
      const held = event.target === line;
      const dragged = held ? (model.get("selected_lr") ?? undefined) : frame.rateAt(frame.fractionOf(event));
      if (dragged === undefined) return;
      area.setPointerCapture(event.pointerId);
      [grabbed, moved] = [event.clientX, !held];
      frame.point({ dragged });
      line.focus({ preventScroll: true });
      event.preventDefault();
    },
    { signal },
  );
  area.addEventListener(
    "pointermove",
    (event) => {
      if (!event.isPrimary || pointing.dragged === undefined) return;
      moved ||= Math.abs(event.clientX - grabbed) > SLACK;
      if (!moved) return;
      frame.point({ dragged: frame.rateAt(frame.fractionOf(event)) ?? pointing.dragged });
    },
    { signal },
  );
  const drop = (event: PointerEvent) => {
    const rate = pointing.dragged;
    if (rate === undefined) return;
    if (event.type === "pointerup") assign(model, { selected_lr: rate, pinned: true });
    frame.point({ dragged: undefined });
  };
  area.addEventListener("pointerup", drop, { signal });
  area.addEventListener("pointercancel", drop, { signal });

  line.addEventListener(
    "focus",
    () => {
      frame.point({ focused: true });
      if (pointing.dragged === undefined) probe(model, frame.chosenIndex);
    },
    { signal },
  );
  line.addEventListener("blur", () => frame.point({ focused: false }), { signal });
  line.addEventListener(
    "keydown",
    (event) => {
      const at = toFraction(frame.chosen ?? 0, frame.axis);
      const to = {
        ArrowLeft: at - STEP,
        ArrowDown: at - STEP,
        ArrowRight: at + STEP,
        ArrowUp: at + STEP,
        PageDown: at - PAGE,
        PageUp: at + PAGE,
        Home: 0,
        End: 1,
      }[event.key];
      if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const rate = frame.rateAt(to);
      if (rate === undefined) return;
      assign(model, { selected_lr: rate, pinned: true });
      probe(model, frame.chosenIndex);
    },
    { signal },
  );
  return line;
}

/** The chosen rate at the edge of the plot, if the line is outside the view. */
export function chosenOutside(frame: Frame): HTMLElement {
  const node = element("div", { class: "autolr-outside" });
  const updateOutside = () => {
    const rate = frame.chosen;
    const edge = rate === null ? 0 : side(toFraction(rate, frame.axis));
    node.style.left = edge > 0 ? "auto" : "0";
    node.style.right = edge > 0 ? "0" : "auto";
    const text = formatRate(rate ?? 0);
    setText(node, edge < 0 ? `\u25c0 ${text}` : edge > 0 ? `${text} \u25b6` : "");
  };
  onChange(frame.model, ["selected_lr", ...AXIS], updateOutside, frame.signal);
  frame.onPointing(updateOutside);
  return node;
}
