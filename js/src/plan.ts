import { element, menu, setText } from "./element";
import { grouped, priceText } from "./progress";
import { assign, type Model, type Name, onChange, type Traits } from "./screen";

/** What a new run will cost, a menu of sensible costs, and a warning where saving has gone too far. */
export function plan(model: Model, signal: AbortSignal, secondsPerStep: () => number | null): HTMLElement {
  const efforts = model.get("efforts");
  const own = "own settings";
  const effort = menu(Object.fromEntries([...efforts.map(({ name }) => name), own].map((name) => [name, name])));
  effort.title = "Set rounds, rates and steps together";
  const price = element("span", { class: "autolr-price" });
  const warning = element("div", { class: "autolr-warning", role: "status" });
  const node = element(
    "div",
    { class: "autolr-plan" },
    element("div", { class: "autolr-row" }, element("label", {}, "Effort ", effort), price),
    warning,
  );
  const updatePlan = () => {
    const [rounds, rates, horizon] = [model.get("num_subsamples"), model.get("num_evals"), model.get("horizon")];
    const fits = efforts.find(({ settings }) =>
      Object.entries(settings).every(([name, value]) => model.get(name as Name) === value),
    );
    effort.value = fits?.name ?? own;
    effort.disabled = model.get("replay");
    setText(price, priceText(rounds, rates, horizon, secondsPerStep()));
    setText(warning, warningText(model.get("scale"), model.get("lr_min"), model.get("lr_max"), rates, horizon));
  };
  effort.addEventListener(
    "change",
    () => {
      const chosen = efforts.find(({ name }) => name === effort.value);
      if (chosen) assign(model, chosen.settings as Partial<Traits>);
      else updatePlan();
    },
    { signal },
  );
  const read = ["num_subsamples", "num_evals", "horizon", "scale", "lr_min", "lr_max", "progress", "replay"] as const;
  onChange(model, read, updatePlan, signal);
  return node;
}

/** The ratio of neighbouring rates from which the choice between them is a guess. */
const COARSE = 6;
/** The number of steps below which a single step decides. */
const SHORT = 10;

/** What is wrong with a plan, or nothing. */
export function warningText(scale: string, low: number, high: number, rates: number, horizon: number): string {
  const warnings: string[] = [];
  if (horizon < SHORT)
    warnings.push(`With fewer than ${SHORT} steps, the chosen rate is often too large for a longer training.`);
  const ratio = (high / low) ** (1 / (rates - 1));
  if (scale === "log" && ratio > COARSE)
    warnings.push(
      `Neighboring rates differ by a factor of ${grouped(Math.round(ratio))}: try more rates, or a narrower range.`,
    );
  return warnings.join(" ");
}
