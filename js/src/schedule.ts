import { drawing, element, menu, setText, svg } from "./element";
import { formatRate } from "./rates";
import { refusal } from "./refusal";
import { assign, type Model, onChange } from "./screen";

/** The menu of what Apply sets, a constant rate or a schedule; and the length and the picture of the schedule. */
export function schedule(
  model: Model,
  signal: AbortSignal,
): {
  kind: HTMLElement;
  details: HTMLElement;
  /** Whether Apply must be off: the length was refused, or no schedule can be made. The caption says why. */
  isRefused: () => boolean;
} {
  const kind = menu(
    { constant: "constant", ...model.get("schedules") },
    {
      "aria-label": "What Apply sets",
      title: "A constant rate, or a schedule that begins or peaks at the chosen rate",
    },
  );
  const epochs = element("input", { type: "number", min: "0", step: "any" });
  const length = element("label", {}, "Epochs ", epochs);
  const line = svg("path");
  const picture = drawing("autolr-schedule-picture");
  picture.append(line);
  picture.setAttribute("role", "img");
  const caption = element("span", { class: "autolr-help" });
  const refused = refusal(model, "epochs", epochs, () => "", signal);
  const details = element("div", { class: "autolr-row autolr-schedule" }, length, picture, caption, refused.node);

  kind.addEventListener("change", () => assign(model, { kind: kind.value }), { signal });
  let edited = false;
  const commit = () => {
    if (!edited) return;
    edited = false;
    const value = Number(epochs.value);
    if (value > 0) refused.accept({ epochs: value });
    else refused.refuse("Must be a number above 0.");
  };
  const onInput = () => {
    edited = true;
  };
  epochs.addEventListener("input", onInput, { signal });
  epochs.addEventListener("change", commit, { signal });
  // Chromium fires no `change` for Enter outside a form.
  epochs.addEventListener("keydown", ({ key }) => key === "Enter" && commit(), { signal });

  const update = () => {
    const { rates, epochs: shown, words } = model.get("schedule");
    kind.value = model.get("kind");
    // A saved run has no model to apply anything to, and an explained round needs the space.
    kind.hidden = model.get("replay") || model.get("explain");
    details.hidden = kind.hidden || kind.value === "constant";
    length.hidden = kind.value === "restarts";
    if (!refused.isHeld()) epochs.value = String(model.get("epochs"));
    picture.toggleAttribute("hidden", !rates);
    if (!rates) {
      setText(caption, words ?? "");
      return;
    }
    const peak = Math.max(...rates);
    // The margin keeps the line whole at its ends.
    const points = rates.map((rate, i) => `${i / (rates.length - 1)},${0.95 - (0.9 * rate) / peak}`);
    line.setAttribute("d", `M${points.join("L")}`);
    const ends = `${formatRate(rates[0] as number)} to ${formatRate(rates.at(-1) as number)}`;
    const text = `${ends}, highest ${formatRate(peak)}, in ${shown} epochs`;
    picture.setAttribute("aria-label", `Learning rate from ${text}`);
    setText(caption, text);
  };
  onChange(model, ["kind", "epochs", "schedule", "replay", "explain"], update, signal);
  const isRefused = () =>
    !details.hidden && ((refused.isOwn() && !length.hidden) || model.get("schedule").words !== undefined);
  return { kind, details, isRefused };
}
