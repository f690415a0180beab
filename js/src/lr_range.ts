import { element, keepKeys } from "./element";
import { formatRate, fromPosition, moveEnd, parseRate, type Range, toPosition, trackEnds } from "./rates";
import { assign, follow, type Model, type Part } from "./screen";

/** Ends of the slider's track at first. It grows to hold a rate that was typed or set beyond them. */
const TRACK = { low: 1e-8, high: 10 };

/** Decades that an arrow key moves a thumb by. Page Up and Page Down, of the browser's own, move it further. */
const STEP = 0.1;

const ENDS = ["lr_min", "lr_max"] as const;
const NAMES = { lr_min: "Smallest learning rate", lr_max: "Largest learning rate" };

/** Two native sliders on one logarithmic track, each with a number beside it: the ends of the grid. */
export function lrRange(model: Model): Part {
  const thumbs = { lr_min: thumb("lr_min"), lr_max: thumb("lr_max") };
  const numbers = { lr_min: number("lr_min"), lr_max: number("lr_max") };
  const filled = element("div", { class: "autolr-filled" });
  const track = element("div", { class: "autolr-track" }, filled, thumbs.lr_min, thumbs.lr_max);
  const node = element(
    "div",
    { class: "autolr-lr-range", role: "group", "aria-label": "Learning-rate grid from smallest to largest" },
    numbers.lr_min,
    track,
    numbers.lr_max,
  );
  const releaseKeys = keepKeys(...Object.values(thumbs), ...Object.values(numbers));

  // Grows to hold both ends, and never shrinks: a thumb that is dragged must not have the track move under it.
  let ends = TRACK;
  const draw = () => {
    const range = { lr_min: model.get("lr_min"), lr_max: model.get("lr_max") };
    ends = trackEnds(range, ends.low, ends.high);
    const { low, high } = ends;
    const [first, last] = [Math.log10(low), Math.log10(high)];
    for (const end of ENDS) {
      const rate = model.get(end);
      const position = toPosition(rate, low, high);
      Object.assign(thumbs[end], { min: String(first), max: String(last), value: String(position) });
      thumbs[end].setAttribute("aria-valuetext", formatRate(rate));
      numbers[end].value = formatRate(rate);
      filled.style.setProperty(`--${end}`, String((position - first) / (last - first)));
    }
  };
  const move = (end: keyof Range, rate: number | undefined) => {
    const current = { lr_min: model.get("lr_min"), lr_max: model.get("lr_max") };
    const moved = rate === undefined ? undefined : moveEnd(current, end, rate);
    if (moved && moved[end] !== current[end]) assign(model, { [end]: moved[end] });
    // What was refused goes back to what holds.
    draw();
  };

  for (const end of ENDS) {
    thumbs[end].addEventListener("input", () => move(end, fromPosition(Number(thumbs[end].value))));
    const typed = () => move(end, parseRate(numbers[end].value));
    numbers[end].addEventListener("change", typed);
    // Outside of a form, Chromium has no `change` for Enter.
    numbers[end].addEventListener("keydown", (event) => {
      if (event.key === "Enter") typed();
    });
  }
  const unfollow = follow(model, ENDS, draw);
  return {
    node,
    end: () => {
      releaseKeys();
      unfollow();
    },
  };
}

function thumb(end: keyof Range): HTMLInputElement {
  return element("input", { type: "range", step: String(STEP), "aria-label": NAMES[end], class: `autolr-${end}` });
}

function number(end: keyof Range): HTMLInputElement {
  return element("input", { type: "text", inputmode: "decimal", "aria-label": `${NAMES[end]}, as a number` });
}
