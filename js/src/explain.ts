import { type Axis, axisOf, toFraction } from "./axis";
import { formatChange } from "./curve";
import { element, keepKeys, setText } from "./element";
import { assign, follow, type Lesson, type Model, type Part } from "./screen";

/** The last of the stages: the chart then shows the round. */
export const STAGES = 6;

/** What a stage is called, and what it says to a class that has never seen such a curve. */
export function words(lesson: Lesson, stage: number): [string, string] {
  const { batch_size, observations, before, horizon, after, drawn, round } = lesson;
  const steps = horizon === 1 ? "one training step" : `${horizon} training steps, each on a fresh batch`;
  const changes = after.flatMap((loss) => (loss === null ? [] : [loss - before]));
  const lowered = changes.filter((change) => change < 0).length;
  switch (stage) {
    case 1:
      return [
        "Draw a batch",
        `Training never looks at all data at once. A batch of round ${round} is ${batch_size}${observations ? ` of the ${observations}` : ""} observations, ${drawn.length ? "drawn by chance" : "as the data yield them"}.`,
      ];
    case 2:
      return [
        "Loss before",
        `How wrong is the model, as it is now? Its loss is ${before.toPrecision(3)}. Smaller is better.`,
      ];
    case 3:
      return [
        "Take steps at each rate",
        `From this same model, ${after.length} copies set out, one for each learning rate, and take ${steps}. A small rate makes short steps, a large rate long ones.`,
      ];
    case 4:
      return [
        "Loss after",
        `How wrong is each copy now? Small rates, on the left, have hardly changed anything.${changes.length < after.length || changes.some((change) => change > 0) ? " Where the loss is higher than before, the steps were too long." : ""}`,
      ];
    case 5:
      return [
        "The differences",
        `Loss after minus loss before: below zero the copy has learned. ${lowered} of ${after.length} rates lowered the loss${changes.length < after.length ? `, and ${after.length - changes.length} broke the model` : ""}.`,
      ];
    default:
      return [
        "The mean",
        `One batch may mislead, so the chart below shows the mean over all rounds so far, and from the second on a band: the narrower, the surer. The lowest part is where learning goes furthest. Press Step for another round.`,
      ];
  }
}

/** One round, told stage by stage in words and in a picture whose rates stand over those of the chart. */
export function explain(model: Model): Part {
  const title = element("h4", {});
  const text = element("p", { "aria-live": "polite" });
  const picture = element("div", { class: "autolr-picture", "aria-hidden": "true" });
  const back = element("button", { type: "button" }, "Back");
  const next = element("button", { type: "button" }, "Next");
  const node = element(
    "section",
    { class: "autolr-explain", "aria-label": "One round explained" },
    title,
    text,
    picture,
    element("div", { class: "autolr-row" }, back, next),
  );
  const releaseKeys = keepKeys(back, next);
  const go = (by: number) => assign(model, { stage: Math.min(Math.max(model.get("stage") + by, 1), STAGES) });
  back.addEventListener("click", () => go(-1));
  next.addEventListener("click", () => go(1));

  const draw = () => {
    const [lesson, stage] = [model.get("lesson"), model.get("stage")];
    node.classList.toggle("autolr-gone", !model.get("explain"));
    const told = stage > 0 && lesson.after !== undefined;
    back.disabled = !told || stage === 1;
    next.disabled = !told || stage === STAGES;
    picture.classList.toggle("autolr-gone", !told);
    if (!told) {
      setText(title, "One round, step by step");
      const press = model.get("status") === "done" && !model.get("stale") ? "Press Reset, and then Step" : "Press Step";
      setText(text, `${press}. This page then tells what a round of the measurement does, and the chart follows.`);
      return;
    }
    const [name, says] = words(lesson as Lesson, stage);
    setText(title, `${stage} of ${STAGES} · ${name}`);
    setText(text, says);
    const axis = axisOf(model.get("view"), model.get("axis"), model.get("ends"));
    picture.replaceChildren(...draft(lesson as Lesson, stage, axis));
  };
  const unfollow = follow(model, ["explain", "lesson", "stage", "view", "axis", "status", "stale"], draw);
  return {
    node,
    end: () => {
      releaseKeys();
      unfollow();
    },
  };
}

/** The marks of a stage: each shows what the ones before it have shown, and one thing more. */
function draft(lesson: Lesson, stage: number, axis: Axis): HTMLElement[] {
  const { before, after, drawn, rates } = lesson;
  if (stage === 1)
    return [
      label(drawn.length ? "all observations, and the ones drawn" : "the data are a stream", 0, 0),
      ...drawn.map((place) => mark("autolr-drawn", place, 0.5)),
    ];
  // What is far above leaves the picture: a loss that went up as far as it could have come down is bad enough.
  const losses = after.filter((loss) => loss !== null);
  const bottom = Math.min(before, ...losses);
  const depth = before - bottom || Math.abs(before) || 1;
  const height = (loss: number) => 0.12 + 0.76 * Math.min(1, Math.max(0, (before + depth - loss) / (2 * depth)));
  const zero = mark("autolr-before", 0, height(before));
  const marks = [zero, label(`loss before: ${formatChange(before)}`, 0, height(before))];
  if (stage < 3) return marks;
  after.forEach((loss, i) => {
    const x = toFraction(rates[i] as number, axis);
    if (!(x >= 0 && x <= 1)) return;
    const y = loss === null ? 0 : height(loss);
    if (stage === 3) marks.push(mark("autolr-set-out", x, height(before)));
    if (stage >= 5) {
      const bar = mark(loss !== null && loss < before ? "autolr-fell" : "autolr-rose", x, Math.min(y, height(before)));
      bar.style.height = `${100 * Math.abs(y - height(before))}%`;
      marks.push(bar);
    }
    if (stage >= 4) marks.push(mark(loss === null ? "autolr-broke" : "autolr-after", x, y));
  });
  return marks;
}

function mark(name: string, x: number, y: number): HTMLElement {
  const node = element("div", { class: name });
  node.style.left = `${100 * x}%`;
  node.style.top = `${100 * y}%`;
  return node;
}

function label(text: string, x: number, y: number): HTMLElement {
  const node = mark("autolr-caption", x, y);
  node.append(text);
  return node;
}
