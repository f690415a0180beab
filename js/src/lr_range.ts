import { element } from "./element";
import { formatRate, fromPosition, moveEnd, parseRate, type Range, toPosition, trackEnds } from "./rates";
import { assign, type Model, onChange, type Setting } from "./screen";

/** Ends of the slider's track at first. It grows when a rate beyond them is typed or set. */
const TRACK = { low: 1e-8, high: 10 };

/** Decades that an arrow key moves a thumb by. The browser itself moves it further for Page Up and Page Down. */
const STEP = 0.1;

const ENDS = ["lr_min", "lr_max"] as const;

/** The ends of the grid: two native sliders on one logarithmic track, each with a number field. */
export function lrRange(model: Model, settings: Setting[], signal: AbortSignal): HTMLElement {
  const label = (end: keyof Range) => settings.find(({ name }) => name === end)?.label ?? end;
  const thumb = (end: keyof Range) =>
    element("input", { type: "range", step: String(STEP), "aria-label": label(end), class: `autolr-${end}` });
  const number = (end: keyof Range) =>
    element("input", { type: "text", inputmode: "decimal", "aria-label": `${label(end)}, as a number` });
  const thumbs = { lr_min: thumb("lr_min"), lr_max: thumb("lr_max") };
  const numbers = { lr_min: number("lr_min"), lr_max: number("lr_max") };
  const filled = element("div", { class: "autolr-filled" });
  const track = element("div", { class: "autolr-track" }, filled, thumbs.lr_min, thumbs.lr_max);

  // The track only grows, because it must not move under a thumb that is dragged.
  let ends = TRACK;
  const current = (): Range => ({ lr_min: model.get("lr_min"), lr_max: model.get("lr_max") });
  const updateRange = () => {
    ends = trackEnds(current(), ends.low, ends.high);
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
    const moved = rate === undefined ? undefined : moveEnd(current(), end, rate);
    if (moved && moved[end] !== model.get(end)) assign(model, { [end]: moved[end] });
    // A refused value is replaced by the current one.
    updateRange();
  };
  for (const end of ENDS) {
    thumbs[end].addEventListener("input", () => move(end, fromPosition(Number(thumbs[end].value))), { signal });
    const commit = () => move(end, parseRate(numbers[end].value));
    numbers[end].addEventListener("change", commit, { signal });
    // Chromium fires no `change` for Enter outside a form.
    numbers[end].addEventListener(
      "keydown",
      (event) => {
        if (event.key === "Enter") commit();
      },
      { signal },
    );
  }
  onChange(model, ENDS, updateRange, signal);
  return element(
    "div",
    { class: "autolr-lr-range", role: "group", "aria-label": "Learning-rate grid from smallest to largest" },
    numbers.lr_min,
    track,
    numbers.lr_max,
  );
}
