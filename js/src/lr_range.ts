import { element } from "./element";
import { formatRate, fromPosition, moveEnd, parseRate, type Range, toPosition, trackEnds } from "./rates";
import { type Refusal, refusal } from "./refusal";
import { type Model, onChange, type Setting } from "./screen";
import { withHelp } from "./with_help";

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
  const refusalOf = (end: keyof Range) =>
    refusal(model, end, numbers[end], () => `${formatRate(model.get(end))} is still used.`, signal);
  const refused: Record<keyof Range, Refusal> = { lr_min: refusalOf("lr_min"), lr_max: refusalOf("lr_max") };
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
      // What was typed and refused stays, so that it can be corrected.
      const value = refused[end].refused();
      if (!refused[end].isHeld()) numbers[end].value = formatRate(typeof value === "number" ? value : rate);
      filled.style.setProperty(`--${end}`, String((position - first) / (last - first)));
    }
  };
  /** Moves an end, or returns false if the ends would meet or cross. */
  const move = (end: keyof Range, rate: number | undefined) => {
    if (rate === undefined || !moveEnd(current(), end, rate)) return false;
    refused[end].accept({ [end]: rate });
    updateRange();
    // The other end may have been refused because of this one.
    const other = end === "lr_min" ? "lr_max" : "lr_min";
    if (refused[other].isOwn()) commit(other);
    return true;
  };
  const why = (end: keyof Range, rate: number | undefined) => {
    const other = end === "lr_min" ? "lr_max" : "lr_min";
    const limit = `the ${label(other).toLowerCase()}, ${formatRate(model.get(other))}`;
    return rate === undefined ? "a number above 0, such as 1e-3" : `${end === "lr_min" ? "below" : "above"} ${limit}`;
  };
  const commit = (end: keyof Range) => {
    const rate = parseRate(numbers[end].value);
    if (!move(end, rate)) refused[end].refuse(`${label(end)} must be ${why(end, rate)}.`);
  };
  for (const end of ENDS) {
    const drag = () => {
      // The thumb stops at the other.
      if (!move(end, fromPosition(Number(thumbs[end].value)))) updateRange();
    };
    thumbs[end].addEventListener("input", drag, { signal });
    numbers[end].addEventListener("change", () => commit(end), { signal });
    numbers[end].addEventListener("blur", updateRange, { signal });
    // Chromium fires no `change` for Enter outside a form.
    numbers[end].addEventListener(
      "keydown",
      (event) => {
        if (event.key === "Enter") commit(end);
      },
      { signal },
    );
  }
  for (const end of ENDS) onChange(model, [end], () => refused[end].changed(updateRange), signal);
  onChange(model, ["refusals"], updateRange, signal);
  const row = element(
    "div",
    { class: "autolr-lr-range", role: "group", "aria-label": "Learning-rate grid from smallest to largest" },
    numbers.lr_min,
    track,
    numbers.lr_max,
  );
  return withHelp(row, row, settings[0]?.help ?? "", refused.lr_min, refused.lr_max);
}
