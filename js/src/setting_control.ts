import { element, menu } from "./element";
import { assign, type Model, type Name, onChange, type Setting, type Traits } from "./screen";
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
  select.addEventListener("change", () => assignSetting(model, name, select.value), { signal });
  const updateMenu = () => {
    select.value = String(model.get(name as Name));
    select.disabled = model.get("replay") && measures;
  };
  onChange(model, [name as Name, "replay"], updateMenu, signal);
  return withHelp(element("label", { class: "autolr-line-row" }, element("span", {}, label), select), select, help);
}

/** A number, and a slider beside it if the setting has a largest useful value. A number beyond it widens the slider. */
function numberControl(model: Model, setting: Setting, signal: AbortSignal): HTMLElement {
  const { name, label, kind, most, step, measures } = setting;
  const own = name === "batch_size" ? model.get("own_batch_size") : null;
  const help = own === null ? setting.help : "The batches of your data, whole and in their order.";
  const whole = kind === "integer";
  const sliderStart = setting.least ?? step ?? 0;
  const slider = element("input", { type: "range", "aria-label": `${label}, slider`, step: String(step ?? 1) });
  const number = element("input", { type: "number", "aria-label": label, step: whole ? "1" : "any" });
  const updateNumber = () => {
    const value = own ?? (model.get(name as Name) as number);
    const end = name === "batch_size" ? model.get("batch_most") : (most ?? value);
    slider.min = number.min = String(Math.min(sliderStart, value));
    slider.max = String(Math.max(end, value));
    slider.value = number.value = String(value);
    slider.disabled = number.disabled = own !== null || (model.get("replay") && measures);
  };
  const commit = (input: HTMLInputElement) => {
    const value = Number(input.value);
    const allowed = setting.least === null ? value > 0 : value >= setting.least;
    const fits = allowed && (whole ? Number.isInteger(value) : Number.isFinite(value));
    if (input.value === "" || !fits) updateNumber();
    else if (value !== model.get(name as Name)) assignSetting(model, name, value);
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
  onChange(model, [name as Name, "batch_most", "replay"], updateNumber, signal);
  const inputs = most === null ? [number] : [slider, number];
  return withHelp(element("div", { class: "autolr-line-row" }, element("span", {}, label), ...inputs), number, help);
}

function assignSetting(model: Model, name: string, value: string | number): void {
  assign(model, { [name]: value } as Partial<Traits>);
}
