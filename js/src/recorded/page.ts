import { choice } from "../choice";
import { allRules, axisMenu } from "../controls";
import { element } from "../element";
import type { Pacer } from "../pacer";
import { changeInLoss, setStyle } from "../panel";
import { Frame } from "../plot/frame";
import { plot } from "../plot/plot";
import type { Model } from "../screen";
import { settingControl } from "../setting_control";
import { trainingCurves } from "../training/training_curves";
import { chart } from "./chart";
import { recordedModel } from "./model";
import { parse } from "./recording";

/** Nothing is measured, so there is nothing to pace. What a message asks for, the model answers or ignores. */
function still(model: Model): Pacer {
  const send = (message: { type: string }) => model.send(message);
  const [nothing, no] = [() => {}, () => false];
  return {
    hold: nothing,
    held: () => undefined,
    send,
    ask: send,
    isLost: no,
    isGone: no,
    watch: nothing,
    stop: nothing,
  };
}

const WHAT =
  "A recorded run: rules, bands, zoom and readings work here. To measure or to apply a rate, open the run in a notebook.";

/** Shows a recorded run in the place of its JSON. */
function show(root: HTMLElement): void {
  const text = root.querySelector("script")?.textContent;
  if (!text) return;
  const model = recordedModel(parse(text)) as unknown as Model;
  const { signal } = new AbortController();
  const frame = new Frame(model, signal);
  const panel = element("div", { class: "autolr-panel" });
  setStyle(model, panel);
  const band = model.get("settings").filter(({ name }) => name === "band");
  const controls = element(
    "section",
    { class: "autolr-controls", "aria-label": "What is shown" },
    element("p", { class: "autolr-help" }, WHAT),
    element(
      "div",
      { class: "autolr-groups" },
      element("div", { class: "autolr-group" }, ...band.map((one) => settingControl(model, one, signal))),
      element("div", { class: "autolr-group" }, axisMenu(model, signal), allRules(model, signal)),
    ),
  );
  const pictures = [changeInLoss(), chart(frame), plot(frame), trainingCurves(frame)];
  panel.append(choice(model, still(model), signal), ...pictures, controls);
  root.replaceChildren(panel);
}

for (const root of document.querySelectorAll<HTMLElement>(".autolr-recorded")) show(root);
