import { element, keepKeys } from "./element";
import { handOver } from "./hand_over";
import { lrRange } from "./lr_range";
import { assign, follow, type Model, type Name, type Part, type Screen } from "./screen";

interface Slider {
  trait: Name;
  label: string;
  help: string;
  least: number;
  most: number;
  step?: number;
}

interface Menu {
  trait: Name;
  label: string;
  help: string;
  options: Record<string, string>;
}

const GRID: (Slider | Menu)[] = [
  { trait: "num_evals", label: "Rates", help: "More draw a finer curve, and take longer.", least: 2, most: 200 },
  {
    trait: "scale",
    label: "Spacing",
    help: "Log for most optimizers: their useful rates span decades.",
    options: { log: "log", linear: "linear" },
  },
];
const SAMPLING: (Slider | Menu)[] = [
  {
    trait: "num_subsamples",
    label: "Rounds",
    help: "More make the band narrower. Can be changed at any time.",
    least: 1,
    most: 500,
  },
  {
    trait: "batch_size",
    label: "Batch size",
    help: "As in your training: a larger batch often wants a larger rate.",
    least: 1,
    most: 512,
  },
  {
    trait: "horizon",
    label: "Steps",
    help: "Training steps a rate is judged by. Few are quick, and favour too large a rate.",
    least: 1,
    most: 100,
  },
];
const MORE: (Slider | Menu)[] = [
  {
    trait: "evaluate_on",
    label: "Loss on",
    help: "What the losses before and after the steps are measured on.",
    options: { own: "the steps' own batches", same: "all batches of the steps", "held-out": "a held-out batch" },
  },
  {
    trait: "sampler",
    label: "Measure",
    help: "Leaving out the rates that have lost saves up to four fifths of the work.",
    options: { full: "all rates", racing: "only those that can still win" },
  },
  {
    trait: "stop_rule",
    label: "Stop",
    help: "Settled: no other rate can be much better any more.",
    options: { rounds: "after all rounds", settled: "once it is settled" },
  },
  { trait: "seed", label: "Seed", help: "The same seed draws the same batches.", least: 0, most: 2 ** 31 - 1 },
  {
    trait: "band",
    label: "Band",
    help: "To watch: valid at every look, however long you watch before you stop.",
    options: { normal: "normal", t: "Student's t", bootstrap: "BCa bootstrap", anytime: "to watch (any time)" },
  },
  { trait: "alpha", label: "Band's α", help: "0.05 is a band of 95 %.", least: 0.01, most: 0.5, step: 0.01 },
  {
    trait: "axis",
    label: "Axis",
    help: "How the chart's learning rates are laid out.",
    options: { log: "log", linear: "linear" },
  },
];

/** What a saved run, which has no model, can't be asked for: what is measured, not how that is read. */
const MEASURES: readonly Name[] = ["evaluate_on", "sampler", "stop_rule", "seed"];

const BUDGET =
  "A long training wants a smaller rate than a short one, and no rule knows how long yours will be: " +
  "for many epochs go left of the choice, within the shaded interval where there is one.";

let ids = 0;

/** The settings in two groups, and behind "More" what is rarely needed. */
export function controls(model: Model): Part {
  const ends: (() => void)[] = [];
  const keep = ({ node, end }: Part) => {
    ends.push(end);
    return node;
  };
  const rows = (list: (Slider | Menu)[]) =>
    list.map((one) => keep("options" in one ? menu(model, one) : slider(model, one)));
  const range = lrRange(model);
  const grid = group(model, "Learning rates to try", "A change here starts a new run.", [
    withHelp(keep(range), range.node, "The ends of the grid: wide at first, narrower around the dip."),
    ...rows(GRID),
  ]);
  const sampling = group(
    model,
    "Batches to measure on",
    "A change here, but for Rounds, starts a new run.",
    rows(SAMPLING),
  );
  const reading = element("p", { class: "autolr-help" }, BUDGET);
  const more = element("details", { class: "autolr-more" }, element("summary", {}, "More"));
  more.append(
    element(
      "div",
      { class: "autolr-groups" },
      element("div", { class: "autolr-group" }, ...rows(MORE)),
      element(
        "div",
        { class: "autolr-group" },
        keep(
          toggle(
            model,
            "show_rounds",
            [false, true],
            "Each round's own curve",
            "Faint lines, whose mean is the curve.",
          ),
        ),
        keep(
          toggle(
            model,
            "probed",
            [-1, 0],
            "Histogram of one rate's rounds",
            "Of the rate under the pointer or the focus.",
          ),
        ),
        keep(handOver(model)),
        reading,
      ),
    ),
  );
  const node = element(
    "section",
    { class: "autolr-controls", "aria-label": "Settings" },
    element("div", { class: "autolr-groups" }, keep(grid), keep(sampling)),
    more,
  );
  const summary = more.firstElementChild as HTMLElement;
  ends.push(keepKeys(summary));
  return {
    node,
    end: () => {
      for (const end of ends) end();
    },
  };
}

/** Settings that belong together, and what changing them does to the rounds at hand. */
function group(model: Model, title: string, warning: string, rows: HTMLElement[]): Part {
  const note = element("span", { class: "autolr-restarts" }, warning);
  const node = element("fieldset", { class: "autolr-group" }, element("legend", {}, title), note, ...rows);
  const end = follow(model, ["round", "status", "recorded"], () => {
    node.disabled = model.get("recorded");
    note.classList.toggle("autolr-gone", model.get("round") === 0 && model.get("status") !== "running");
  });
  return { node, end };
}

function withHelp(row: HTMLElement, control: HTMLElement, help: string): HTMLElement {
  const id = `autolr-help-${++ids}`;
  control.setAttribute("aria-describedby", id);
  return element("div", { class: "autolr-control" }, row, element("div", { class: "autolr-help", id }, help));
}

/** A native slider with a number beside it. What is beyond its ends can be typed, and widens it. */
function slider(model: Model, { trait, label, help, least, most, step = 1 }: Slider): Part {
  const whole = step === 1;
  const range = element("input", { type: "range", "aria-label": `${label}, slider`, step: String(step) });
  const number = element("input", { type: "number", "aria-label": label, step: whole ? "1" : "any" });
  const row = element(
    "div",
    { class: "autolr-line-row" },
    element("span", {}, label),
    ...(trait === "seed" ? [] : [range]),
    number,
  );
  const node = withHelp(row, number, help);
  const draw = () => {
    const value = model.get(trait) as number;
    const limit = trait === "batch_size" ? model.get("batch_most") : most;
    range.min = number.min = String(Math.min(least, value));
    range.max = String(Math.max(limit, value));
    range.value = number.value = String(value);
    number.disabled = model.get("recorded") && MEASURES.includes(trait);
  };
  const commit = (input: HTMLInputElement) => {
    const value = Number(input.value);
    const fits = whole ? Number.isInteger(value) && value >= least : Number.isFinite(value) && value > 0;
    if (input.value === "" || !fits) draw();
    else if (value !== model.get(trait)) assign(model, { [trait]: value } as Partial<Screen>);
  };
  range.addEventListener("input", () => {
    number.value = range.value;
  });
  // Not on every pixel of a drag: the kernel would be told hundreds of times.
  for (const input of [range, number]) input.addEventListener("change", () => commit(input));
  number.addEventListener("keydown", (event) => {
    if (event.key === "Enter") commit(number);
  });
  const releaseKeys = keepKeys(range, number);
  const unfollow = follow(model, [trait, "batch_most", "recorded"], draw);
  return {
    node,
    end: () => {
      releaseKeys();
      unfollow();
    },
  };
}

function menu(model: Model, { trait, label, help, options }: Menu): Part {
  const select = element(
    "select",
    {},
    ...Object.entries(options).map(([value, text]) => element("option", { value }, text)),
  );
  const node = withHelp(
    element("label", { class: "autolr-line-row" }, element("span", {}, label), select),
    select,
    help,
  );
  select.addEventListener("change", () => assign(model, { [trait]: select.value } as Partial<Screen>));
  const releaseKeys = keepKeys(select);
  const unfollow = follow(model, [trait, "recorded"], () => {
    select.value = String(model.get(trait));
    select.disabled = model.get("recorded") && MEASURES.includes(trait);
  });
  return {
    node,
    end: () => {
      releaseKeys();
      unfollow();
    },
  };
}

/** A checkbox for a trait that is `off` or something else, `on` to begin with. */
function toggle<T>(model: Model, trait: Name, [off, on]: [T, T], label: string, help: string): Part {
  const box = element("input", { type: "checkbox" });
  const node = withHelp(element("label", { class: "autolr-check" }, box, label), box, help);
  box.addEventListener("change", () => assign(model, { [trait]: box.checked ? on : off } as Partial<Screen>));
  const releaseKeys = keepKeys(box);
  const unfollow = follow(model, [trait], () => {
    box.checked = model.get(trait) !== off;
  });
  return {
    node,
    end: () => {
      releaseKeys();
      unfollow();
    },
  };
}
