import { element, menu } from "./element";
import { exportRow } from "./export";
import { lrRange } from "./lr_range";
import { assign, type Model, type Name, onChange, type Setting, type Traits } from "./screen";
import { settingControl } from "./setting_control";
import { withHelp } from "./with_help";

const BUDGET =
  "A long training needs a smaller rate than a short one, and no rule knows how long yours will be. " +
  "If you train for many epochs, choose a rate left of the line. Long fine-tuning may need a tenth of it.";

/** The settings in two groups, and rarely needed ones behind "More". */
export function controls(model: Model, signal: AbortSignal): HTMLElement {
  const settings = model.get("settings");
  const [grid, sampling, more] = (["grid", "sampling", "more"] as const).map((name) =>
    settings.filter(({ group, kind }) => group === name && kind !== "rule"),
  ) as [Setting[], Setting[], Setting[]];
  const control = (setting: Setting) => settingControl(model, setting, signal);
  const ends = grid.filter(({ kind }) => kind === "rate");
  return element(
    "section",
    { class: "autolr-controls", "aria-label": "Settings" },
    element(
      "div",
      { class: "autolr-groups" },
      group(
        model,
        "Learning rates to try",
        grid,
        [lrRange(model, ends, signal), ...grid.filter(({ kind }) => kind !== "rate").map(control)],
        signal,
      ),
      group(model, "Batches to measure on", sampling, sampling.map(control), signal),
    ),
    element(
      "details",
      { class: "autolr-more" },
      element("summary", {}, "More"),
      element(
        "div",
        { class: "autolr-groups" },
        element("div", { class: "autolr-group" }, ...more.map(control), axisMenu(model, signal)),
        element(
          "div",
          { class: "autolr-group" },
          toggle(
            model,
            "show_rounds",
            [false, true],
            "Each round's own curve",
            "Faint lines. Their mean is the curve.",
            signal,
          ),
          toggle(
            model,
            "probed",
            [-1, 0],
            "Histogram of one rate's rounds",
            "For the rate under the pointer or the focus.",
            signal,
          ),
          allRules(model, signal),
          toggle(
            model,
            "large",
            [false, true],
            "Large print",
            "For a projector: text and lines that can be read from the back row.",
            signal,
          ),
          exportRow(model, signal),
          element("p", { class: "autolr-help" }, BUDGET),
        ),
      ),
    ),
  );
}

/** Settings that belong together, and a note on which changes discard the rounds. */
function group(
  model: Model,
  title: string,
  settings: Setting[],
  rows: HTMLElement[],
  signal: AbortSignal,
): HTMLElement {
  // Another horizon reads the same rounds, or continues them.
  const others = settings.filter(({ name, measures }) => !measures || name === "horizon").map(({ label }) => label);
  const exception = others.length ? `, except to ${others.join(" or ")},` : "";
  const note = element("span", { class: "autolr-restarts" }, `A change here${exception} needs a new run.`);
  const node = element("fieldset", { class: "autolr-group" }, element("legend", {}, title), note, ...rows);
  const updateGroup = () => {
    node.disabled = model.get("replay");
    const fresh = model.get("round") === 0 && model.get("status") === "idle";
    note.classList.toggle("autolr-gone", fresh || model.get("replay"));
  };
  onChange(model, ["round", "status", "replay"], updateGroup, signal);
  return node;
}

export function allRules(model: Model, signal: AbortSignal): HTMLElement {
  return toggle(
    model,
    "all_rules",
    [false, true],
    "What every rule chooses",
    "Otherwise the chart shows the chosen rule, the lowest mean, and the valley that fastai suggests.",
    signal,
  );
}

export function axisMenu(model: Model, signal: AbortSignal): HTMLElement {
  const select = menu({ log: "log", linear: "linear" });
  select.addEventListener("change", () => assign(model, { axis: select.value }), { signal });
  const updateMenu = () => {
    select.value = model.get("axis");
  };
  onChange(model, ["axis"], updateMenu, signal);
  const row = element("label", { class: "autolr-line-row" }, element("span", {}, "Axis"), select);
  return withHelp(row, select, "How the chart's learning rates are spaced.");
}

/** A checkbox for a trait that is `off` or another value; checking it sets `on`. */
function toggle<T>(
  model: Model,
  trait: Name,
  [off, on]: [T, T],
  label: string,
  help: string,
  signal: AbortSignal,
): HTMLElement {
  const box = element("input", { type: "checkbox" });
  box.addEventListener("change", () => assign(model, { [trait]: box.checked ? on : off } as Partial<Traits>), {
    signal,
  });
  const updateBox = () => {
    box.checked = model.get(trait) !== off;
  };
  onChange(model, [trait], updateBox, signal);
  return withHelp(element("label", { class: "autolr-check" }, box, label), box, help);
}
