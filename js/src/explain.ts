import { type Axis, axisOf, toFraction } from "./axis";
import { formatChange } from "./curve";
import { button, element, setText } from "./element";
import type { Pacer } from "./pacer";
import { grouped } from "./progress";
import { assign, type Lesson, type Model, onChange, withValues } from "./screen";

/** The title of a stage, and its text, written for readers who see such a curve for the first time. */
export function words(lesson: Lesson, stage: number): [string, string] {
  const { batch_size, observations, before, horizon, after, drawn, round } = lesson;
  const steps = horizon === 1 ? "one training step" : `${horizon} training steps, each on a fresh batch`;
  const changes = after.flatMap((loss) => (loss === null ? [] : [loss - before]));
  const lowered = changes.filter((change) => change < 0).length;
  switch (stage) {
    case 1:
      return [
        "Draw a batch",
        `Training uses a small part of the data at a time. A batch of round ${round} has ${batch_size}${observations ? ` of the ${grouped(observations)}` : ""} observations, ${drawn.length ? "drawn at random" : "in the order of the data"}.`,
      ];
    case 2:
      return [
        "Loss before",
        `How wrong is the current model? Its loss is ${before.toPrecision(3)}. Smaller is better.`,
      ];
    case 3:
      return [
        "Steps at each rate",
        `The model is copied ${after.length} times, once for each learning rate, and each copy takes ${steps}. A small rate makes short steps, a large rate long ones.${horizon === 1 ? "" : " The lines show the loss of each copy, step by step."}`,
      ];
    case 4:
      return [
        "Loss after",
        `How wrong is each copy now? Small rates, on the left, have hardly changed the loss.${changes.length < after.length || changes.some((change) => change > 0) ? " Where the loss is higher than before, the steps were too long." : ""}`,
      ];
    case 5:
      return [
        "The differences",
        `Loss after minus loss before: below zero, the copy has learned. ${lowered} of ${after.length} rates lowered the loss${changes.length < after.length ? `, and ${after.length - changes.length} broke the model` : ""}.`,
      ];
    default:
      return [
        "The mean",
        `One batch can be misleading, so the chart shows the mean over all rounds so far, and after three rounds a band: the narrower it is, the more certain is the mean. The loss falls most where the curve is lowest.`,
      ];
  }
}

/** One round, explained stage by stage in words and in a picture that lies over the chart, with its rates. */
export function explain(model: Model, pacer: Pacer, signal: AbortSignal): HTMLElement {
  const title = element("h4", {});
  const text = element("p", { "aria-live": "polite" });
  const picture = element("div", { class: "autolr-picture", "aria-hidden": "true" });
  const back = button("Back");
  const next = button("Next");
  const node = element(
    "section",
    { class: "autolr-explain", "aria-label": "One round explained" },
    element("div", { class: "autolr-stage" }, element("div", { class: "autolr-row" }, title, back, next), text),
    picture,
  );
  const hasBegun = () => model.get("explain") && model.get("stage") > 0 && model.get("lesson").after !== undefined;
  const hasMore = () => hasBegun() && model.get("stage") < model.get("stages");
  const isOver = () => model.get("status") === "done" && !model.get("stale");
  const go = (by: number) => assign(model, { stage: model.get("stage") + by });
  back.addEventListener("click", () => go(-1), { signal });
  next.addEventListener(
    "click",
    () => {
      if (hasMore()) go(1);
      else pacer.ask(withValues(model, { type: "step" }));
    },
    { signal },
  );

  const updateExplanation = () => {
    const [lesson, stage, stages] = [model.get("lesson"), model.get("stage"), model.get("stages")];
    node.classList.toggle("autolr-gone", !model.get("explain"));
    const begun = hasBegun();
    back.disabled = !begun || stage === 1;
    // A round can't be measured in a saved run, during a run, or after the last round.
    next.disabled = !hasMore() && (model.get("replay") || model.get("status") === "running" || isOver());
    node.dataset.stage = String(begun ? stage : 0);
    // The last stage shows the chart itself.
    picture.classList.toggle("autolr-gone", !begun || stage === stages);
    if (!begun) {
      setText(title, "One round, step by step");
      const running = model.get("status") === "running";
      const press = running ? "Wait until the tuner pauses" : isOver() ? "Press Reset, then Next" : "Press Next";
      setText(text, `${press}. Each stage of a round is then explained here, and the last one shows the chart.`);
      return;
    }
    const [name, explanation] = words(lesson as Lesson, stage);
    setText(title, `${stage} of ${stages} · ${name}`);
    setText(text, hasMore() || next.disabled ? explanation : `${explanation} Press Next to add another round.`);
    const axis = axisOf(model.get("view"), model.get("axis"), model.get("full_view"));
    picture.replaceChildren(...drawing(lesson as Lesson, stage, axis));
  };
  const shown = [
    "explain",
    "lesson",
    "stage",
    "stages",
    "view",
    "full_view",
    "axis",
    "status",
    "stale",
    "replay",
  ] as const;
  onChange(model, shown, updateExplanation, signal);
  return node;
}

/** What a stage shows: all that the earlier stages showed, and one more thing. */
function drawing(lesson: Lesson, stage: number, axis: Axis): HTMLElement[] {
  const { before, after, drawn, rates } = lesson;
  if (stage === 1)
    return [
      label(drawn.length ? "all observations, and the ones drawn" : "the data are a stream", 0, 0),
      ...drawn.map((place) => shape("autolr-drawn", place, 0.5)),
    ];
  // The picture ends as far above the first loss as the lowest loss is below it. Higher losses are cut off.
  const losses = after.filter((loss) => loss !== null);
  const bottom = Math.min(before, ...losses);
  const depth = before - bottom || Math.abs(before) || 1;
  const height = (loss: number) => 0.12 + 0.76 * Math.min(1, Math.max(0, (before + depth - loss) / (2 * depth)));
  const zero = shape("autolr-before", 0, height(before));
  const shapes = [zero, label(`loss before: ${formatChange(before)}`, 0, height(before))];
  if (stage < 3) return shapes;
  after.forEach((loss, i) => {
    const x = toFraction(rates[i] as number, axis);
    if (!(x >= 0 && x <= 1)) return;
    const y = loss === null ? 0 : height(loss);
    if (stage === 3) shapes.push(shape("autolr-start", x, height(before)));
    if (stage >= 5) {
      const bar = shape(loss !== null && loss < before ? "autolr-fell" : "autolr-rose", x, Math.min(y, height(before)));
      bar.style.height = `${100 * Math.abs(y - height(before))}%`;
      shapes.push(bar);
    }
    if (stage >= 4) shapes.push(shape(loss === null ? "autolr-broke" : "autolr-after", x, y));
  });
  return shapes;
}

function shape(name: string, x: number, y: number): HTMLElement {
  const node = element("div", { class: name });
  node.style.left = `${100 * x}%`;
  node.style.top = `${100 * y}%`;
  return node;
}

function label(text: string, x: number, y: number): HTMLElement {
  const node = shape("autolr-caption", x, y);
  node.append(text);
  return node;
}
