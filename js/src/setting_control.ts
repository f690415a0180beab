import { element, menu } from "./element";
import { refusal } from "./refusal";
import { type Model, type Name, onChange, type Setting, type Traits } from "./screen";
import { withHelp } from "./with_help";

/** The control of one setting, made from what Python says about it. */
export function settingControl(model: Model, setting: Setting, signal: AbortSignal): HTMLElement {
  return setting.options
    ? choiceControl(model, setting, setting.options, signal)
    : numberControl(model, setting, signal);
}

function choiceControl(
  model: Model,
  { name, label, help, measures }: Setting,
  options: Record<string, string>,
  signal: AbortSignal,
): HTMLElement {
  const select = menu(options);
  const current = () => String(model.get(name as Name));
  const refused = refusal(model, name, select, () => `“${options[current()]}” is still used.`, signal);
  select.addEventListener("change", () => refused.accept({ [name]: select.value } as Partial<Traits>), { signal });
  const updateMenu = () => {
    select.value = String(refused.refused() ?? current());
    select.disabled = model.get("replay") && measures;
  };
  onChange(model, [name as Name, "refusals", "replay"], updateMenu, signal);
  const row = element("label", { class: "autolr-line-row" }, element("span", {}, label), select);
  return withHelp(row, select, help, refused);
}

/** A number, and a slider beside it if the setting has a largest useful value. A number beyond it widens the slider. */
function numberControl(model: Model, setting: Setting, signal: AbortSignal): HTMLElement {
  const { name, label, kind, least, most, step, measures } = setting;
  const own = name === "batch_size" ? model.get("own_batch_size") : null;
  const help = own === null ? setting.help : "The batches of your data, whole and in their order.";
  const whole = kind === "integer";
  const sliderStart = least ?? step ?? 0;
  const slider = element("input", { type: "range", "aria-label": `${label}, slider`, step: String(step ?? 1) });
  const number = element("input", { type: "number", "aria-label": label, step: whole ? "1" : "any" });
  const current = () => own ?? (model.get(name as Name) as number);
  const refused = refusal(model, name, number, () => `${current()} is still used.`, signal);
  const updateNumber = () => {
    const value = current();
    const end = name === "batch_size" ? model.get("batch_most") : (most ?? value);
    slider.min = number.min = String(Math.min(sliderStart, value));
    slider.max = String(Math.max(end, value));
    slider.value = String(value);
    // What was typed and refused stays, so that it can be corrected.
    if (!refused.isHeld()) number.value = String(refused.refused() ?? value);
    slider.disabled = number.disabled = own !== null || (model.get("replay") && measures);
  };
  const commit = (input: HTMLInputElement) => {
    const value = Number(input.value);
    const allowed = least === null ? value > 0 : value >= least;
    const fits = allowed && (whole ? Number.isSafeInteger(value) : Number.isFinite(value));
    if (input.value === "" || !fits) {
      const bound = least === null ? "above 0" : `of at least ${least}`;
      refused.refuse(`${label} must be a ${whole ? "whole number" : "number"} ${bound}.`);
    } else {
      refused.accept({ [name]: value } as Partial<Traits>);
      updateNumber();
    }
  };
  slider.addEventListener(
    "input",
    () => {
      number.value = slider.value;
    },
    { signal },
  );
  // Only at the end of a drag, because the kernel would receive hundreds of values.
  for (const input of [slider, number]) input.addEventListener("change", () => commit(input), { signal });
  number.addEventListener(
    "keydown",
    (event) => {
      if (event.key === "Enter") commit(number);
    },
    { signal },
  );
  number.addEventListener("blur", updateNumber, { signal });
  onChange(model, [name as Name], () => refused.changed(updateNumber), signal);
  onChange(model, ["refusals", "batch_most", "replay"], updateNumber, signal);
  const inputs = most === null ? [number] : [slider, number];
  const row = element("div", { class: "autolr-line-row" }, element("span", {}, label), ...inputs);
  return withHelp(row, number, help, refused);
}
