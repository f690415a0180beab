import { button, drawing, element, heading, setText, svg } from "../element";
import type { Pacer } from "../pacer";
import { percent } from "../plot/frame";
import { formatRate } from "../rates";
import { type Model, onChange, type Training } from "../screen";
import { axes } from "../training/axes";
import { lossScale, placeOn, type Scale, stepScale } from "../training/scales";
import { type Points, pathThrough, readPoints, readValidation, smooth } from "./points";
import { pictureText, progressText, stateText } from "./words";

/** Pixels that the rate at a mark needs. Without that much room, it is left out: that of a later mark is more useful. */
const LABEL = 56;
/** Dots that are closer together than this, in pixels, are drawn small. */
const CLOSE = 12;

/** A training with the widget's callback, once there is one: its losses as they come, its rate, Pause and Stop. */
export function live(model: Model, pacer: Pacer, signal: AbortSignal): HTMLElement {
  const title = "Training";
  const pause = button("Pause", { class: "autolr-live-pause" });
  const stop = button("Stop", { title: "End the training after this batch" });
  const state = element("span", { class: "autolr-live-state" });
  const progress = element("span", { class: "autolr-live-progress" });
  const refusal = element("div", { class: "autolr-live-refusal", role: "status" });
  const look = element("div", { class: "autolr-live-look", role: "status" });
  // Spoken when the training begins, pauses and ends, but not in every epoch.
  const spoken = element("div", { class: "autolr-hidden", role: "status" });
  const lane = drawing("autolr-live-lane");
  const labels = element("div", { class: "autolr-layer" });
  const rateName = element("div", { class: "autolr-live-rate-name" }, "rate");
  // What it shows is also in the text, and in the description of the picture below.
  const rates = element("div", { class: "autolr-live-rates", "aria-hidden": "true" }, rateName, lane, labels);
  const axisLayer = element("div", { class: "autolr-layer" });
  const marks = element("div", { class: "autolr-layer" });
  const lines = drawing("autolr-lines");
  const dots = element("div", { class: "autolr-layer" });
  const picture = element("div", { class: "autolr-losses", role: "img" }, axisLayer, marks, lines, dots);
  const caption = element("span", {}, "Loss on the batches, smoothed");
  const node = element(
    "section",
    { class: "autolr-live", "aria-label": title },
    heading(title, caption),
    element("div", { class: "autolr-row autolr-live-row" }, pause, stop, state, progress),
    refusal,
    look,
    rates,
    picture,
    spoken,
  );

  const current = () => model.get("training") as Training;
  const update = () => {
    const training = current();
    const hidden = training.state === undefined;
    node.classList.toggle("autolr-gone", hidden);
    if (hidden) return;
    setText(pause, training.state === "paused" ? "Resume" : "Pause");
    pause.title = training.state === "paused" ? "Continue the training" : "Wait before the next batch";
    pause.disabled = !["training", "looking", "paused"].includes(training.state);
    stop.disabled = pause.disabled;
    state.dataset.state = training.state;
    setText(state, stateText(training));
    setText(spoken, `${title}: ${stateText(training)}`);
    setText(progress, progressText(training));
    setText(refusal, training.refusal);
    setText(look, training.look);
    draw(training);
  };

  const draw = (training: Training) => {
    const points = readPoints(model.get("training_points"));
    const validation = readValidation(model.get("training_validation"));
    const smoothed = { ...points, losses: smooth(points.losses) };
    const width = picture.clientWidth || 600;
    const steps = stepsOf(training, width);
    const loss = scaleOf(smoothed, validation);
    const x = (step: number) => placeOn(steps, step);
    const y = (value: number) => (loss ? 1 - placeOn(loss, value) : Number.NaN);
    const line = (name: string, { losses }: Points) => {
      const d = pathThrough(Array.from(points.steps, x), Array.from(losses, y));
      return svg("path", { class: name, d });
    };

    axisLayer.replaceChildren(...axes(steps, loss, "loss"));
    lines.replaceChildren(line("autolr-live-batches", points), line("autolr-live-smoothed", smoothed));
    dots.replaceChildren(
      ...Array.from(validation.losses).flatMap((value, i) => {
        const top = y(value);
        return top >= 0 && top <= 1 ? [placed("autolr-live-dot", x(validation.steps[i] as number), top)] : [];
      }),
    );
    const [last, before] = [...validation.steps].reverse();
    const gap = before === undefined ? 1 : x(last as number) - x(before);
    dots.classList.toggle("autolr-live-many", gap * width < CLOSE);
    setText(caption, `Loss on the batches, smoothed${validation.losses.length ? " · dots: validation loss" : ""}`);
    marks.replaceChildren(...training.marks.map(([step]) => placed("autolr-live-mark", x(step))));
    lane.replaceChildren(svg("path", { d: ratePath(points, training, x) }));
    labels.replaceChildren(...rateLabels(training, x, LABEL / width));
    picture.setAttribute("aria-label", pictureText(smoothed, validation, training));
  };
  onChange(model, ["training", "training_points", "training_validation"], update, signal);

  // What is written at the axis and at the marks depends on the width, also after the training.
  const resized = new ResizeObserver(update);
  resized.observe(picture);
  signal.addEventListener("abort", () => resized.disconnect());

  pause.addEventListener(
    "click",
    () => {
      const paused = current().state === "paused";
      pacer.send({ type: paused ? "resume_training" : "pause_training" });
      // Until the kernel answers: a batch may take seconds.
      setText(state, paused ? "Resuming…" : "Pausing…");
    },
    { signal },
  );
  stop.addEventListener(
    "click",
    () => {
      pacer.send({ type: "stop_training" });
      setText(state, "Stopping…");
    },
    { signal },
  );
  return node;
}

/** The axis of the steps: all of them, or, while their number is not known, up to a round number. */
function stepsOf({ step, steps }: Training, width: number): Scale {
  const unit = 10 ** Math.floor(Math.log10(Math.max(1, step)));
  const round = unit * ([1, 2, 5].find((times) => times * unit >= step) ?? 10);
  const scale = stepScale(Math.max(2, steps ?? round), width);
  return { ...scale, low: 0, ticks: [0, ...scale.ticks.filter((tick) => tick > 1)] };
}

function scaleOf(...all: Pick<Points, "losses">[]): Scale | undefined {
  return lossScale(all.map(({ losses }) => ({ losses: losses.filter(Number.isFinite), diverged: false })));
}

function placed(name: string, left: number, top?: number): HTMLElement {
  const node = element("div", { class: name });
  node.style.left = percent(left);
  if (top !== undefined) node.style.top = percent(top);
  return node;
}

/** The learning rate along the steps, on a log scale of its own. */
function ratePath({ steps, rates }: Points, { step, rate }: Training, x: (step: number) => number): string {
  const places = [0, ...steps, step].map(x);
  const logs = [rates[0] ?? rate ?? 0, ...rates, rate ?? rates.at(-1) ?? 0].map(Math.log2);
  const finite = logs.filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const ys = logs.map((log) => (high - low > 1e-6 ? 1 - (log - low) / (high - low) : 1));
  // The rate changes at once.
  const [px, py] = [places.flatMap((place) => [place, place]), ys.flatMap((value) => [value, value])];
  return pathThrough(px.slice(1), py.slice(0, -1));
}

/** The rates at the marks, the last ones first, as long as there is room. */
function rateLabels({ marks }: Training, x: (step: number) => number, room: number): HTMLElement[] {
  let free = Number.POSITIVE_INFINITY;
  return [...marks].reverse().flatMap(([step, rate]) => {
    const left = x(step);
    if (left > free - room) return [];
    free = left;
    const label = placed("autolr-live-rate", left);
    label.textContent = formatRate(rate);
    return [label];
  });
}
