import { toFraction } from "../axis";
import { button, element, setText } from "../element";
import { onChange } from "../screen";
import { AXIS, type Frame, percent } from "./frame";

/** The fraction of the axis within which letters would cover one another. */
const CLOSE = 0.04;

/** The letter of each pinned run at the lowest point of its curve. */
export function letters(frame: Frame): HTMLElement {
  const { model } = frame;
  const node = element("div", { class: "autolr-layer autolr-letters" });
  const updateLetters = () => {
    const [bottom = 0, top = 1] = model.get("limits");
    node.replaceChildren(
      ...model.get("pins").map(({ letter, rate, change }, i, pins) => {
        const node = element("strong", {}, letter);
        // Runs that are alike have their lowest points at one place: their letters stand side by side.
        const place = toFraction(rate, frame.axis);
        const close = pins.slice(0, i).filter((pin) => Math.abs(toFraction(pin.rate, frame.axis) - place) < CLOSE);
        node.style.translate = `${close.length}em`;
        frame.place(node, rate);
        node.style.top = percent(Math.min(0.94, Math.max(0, (top - change) / (top - bottom))));
        return node;
      }),
    );
  };
  onChange(model, ["pins", "limits", ...AXIS], updateLetters, frame.signal);
  return node;
}

/** What the curves are, if there are pinned runs. */
export function legend({ model, signal }: Frame): HTMLElement {
  const node = element("ul", { class: "autolr-legend", "aria-label": "Runs in the chart" });
  const thisRun = element("span", {});
  const entry = (key: HTMLElement, name: string, ...more: (HTMLElement | string)[]) =>
    element("li", {}, key, element("strong", {}, name), " ", ...more);
  const updateLegend = () => {
    // A name that is being typed must not be lost.
    if (node.querySelector("input:focus")) return;
    const pins = model.get("pins").map(({ letter: name, color, words, name: given }, i) => {
      const key = element("span", { class: "autolr-key" });
      key.style.borderColor = color;
      const label = `Unpin ${name}`;
      const remove = button("\u00d7", { title: label, "aria-label": label });
      remove.addEventListener("click", () => model.send({ type: "unpin_run", index: i }));
      const rename = (text: string) => model.send({ type: "name_run", letter: name, name: text });
      return entry(key, name, nameField(name, given, words, rename), " ", remove);
    });
    const key = element("span", { class: "autolr-key autolr-key-run" });
    node.replaceChildren(...(pins.length ? [entry(key, "this run", thisRun)] : []), ...pins);
  };
  onChange(model, ["pins"], updateLegend, signal);
  onChange(model, ["this_run"], () => setText(thisRun, model.get("this_run")), signal);
  return node;
}

/** The words of a pinned run, as a button that turns into a field for its name. Escape keeps the former name. */
function nameField(letter: string, given: string, words: string, rename: (name: string) => void): HTMLElement {
  const label = `Name of run ${letter}`;
  const name = button(given || words, {
    class: "autolr-pin-name",
    title: given ? `${words}. Rename` : "Name this run",
  });
  const field = element("input", { type: "text", maxlength: "40", "aria-label": label, placeholder: words });
  field.value = given;
  field.hidden = true;
  const edit = (editing: boolean) => {
    field.hidden = !editing;
    name.hidden = editing;
  };
  name.addEventListener("click", () => {
    edit(true);
    field.select();
    field.focus();
  });
  const end = (keep: boolean) => {
    // Hiding the field makes it lose the focus, which would end this again.
    if (field.hidden) return;
    edit(false);
    if (keep && field.value.trim() !== given) rename(field.value);
    else field.value = given;
  };
  field.addEventListener("blur", () => end(true));
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
    end(event.key === "Enter");
    name.focus();
  });
  return element("span", {}, name, field);
}
