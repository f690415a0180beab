import { element, keepKeys, setText } from "./element";
import type { Pacer } from "./pacer";
import { formatRate, parseRate } from "./rates";
import { assign, follow, type Model, type Part, withValues } from "./screen";

const STATUS: Record<string, string> = {
  idle: "Ready",
  running: "Running",
  paused: "Paused",
  done: "Done",
  stopped: "Stopped",
  error: "Error",
  lost: "No answer",
};

/** The answer: the chosen rate, large, how sure it is, who chose it, and whether it is still being looked for. */
export function choice(model: Model, pacer: Pacer): Part {
  const rate = element("input", {
    type: "text",
    inputmode: "decimal",
    autocomplete: "off",
    placeholder: "–",
    class: "autolr-rate",
    "aria-label": "Learning rate",
  });
  const state = element("span", { class: "autolr-state" });
  const says = element("div", { class: "autolr-says" });
  const rule = element("select", {});
  const release = element("button", { type: "button", title: "Give up your own choice" }, "Follow the rule");
  const apply = element("button", { type: "button", title: "Write this rate into the model's optimizer" }, "Apply");
  const undo = element("button", { type: "button", title: "Give the optimizer its former rate again" }, "Undo");
  const refine = element("button", { type: "button", title: "Measure a finer grid around this rate" }, "Refine");
  const said = element("div", { class: "autolr-said", role: "status" });
  // Spoken when the run begins, pauses and ends, and not in every round.
  const spoken = element("div", { class: "autolr-hidden", role: "status" });
  const node = element(
    "section",
    { class: "autolr-choice", "aria-label": "Chosen learning rate" },
    element(
      "div",
      { class: "autolr-answer" },
      element("div", { class: "autolr-title" }, element("span", {}, "Learning rate"), state),
      rate,
    ),
    element(
      "div",
      { class: "autolr-reason" },
      element("div", { class: "autolr-rule" }, element("label", {}, element("span", {}, "chosen by"), rule), release),
      says,
    ),
    element("div", { class: "autolr-row autolr-deeds" }, apply, undo, refine),
    said,
    spoken,
  );
  const releaseKeys = keepKeys(rate, rule, release, apply, undo, refine);

  const shown = () => {
    const lr = model.get("selected_lr");
    return lr === null ? "" : formatRate(lr);
  };
  // Rounds that come meanwhile must not take away what is being typed.
  let edited = false;
  let refused = false;
  const type = () => {
    if (!edited) return;
    edited = false;
    const lr = parseRate(rate.value);
    rate.value = shown();
    setText(said, lr === undefined ? "Not a learning rate: type a positive number, such as 0.001 or 1e-3" : "");
    if (lr !== undefined) assign(model, { selected_lr: lr, pinned: true });
  };
  rate.addEventListener("input", () => {
    edited = true;
  });
  rate.addEventListener("blur", () => {
    refused = edited && parseRate(rate.value) === undefined;
    type();
  });
  rate.addEventListener("change", type);
  // Outside of a form, Chromium has no `change` for Enter.
  rate.addEventListener("keydown", (event) => {
    if (event.key === "Enter") type();
    if (event.key !== "Escape") return;
    edited = false;
    rate.value = shown();
  });
  rule.addEventListener("change", () => assign(model, { method: rule.value }));
  for (const [button, type] of [
    [release, "follow"],
    [apply, "apply"],
    [undo, "undo"],
    [refine, "refine"],
  ] as const) {
    button.addEventListener("click", () => {
      // Who leaves the field for a button means what was typed there, not what is shown in its place.
      if (!refused || type === "undo") pacer.send(withValues(model, { type }));
      refused = false;
    });
  }

  const draw = () => {
    const [pinned, lr, recorded] = [model.get("pinned"), model.get("selected_lr"), model.get("recorded")];
    if (!edited) rate.value = shown();
    setText(says, model.get("says"));
    rule.value = model.get("method");
    release.hidden = !pinned;
    apply.disabled = recorded || lr === null;
    undo.disabled = !model.get("undoable");
    refine.disabled = recorded || lr === null || model.get("round") === 0;
  };
  const drawState = () => {
    const status = pacer.isLost() ? "lost" : pacer.isHeld() ? "paused" : model.get("status");
    state.dataset.status = status;
    setText(state, model.get("recorded") ? "Saved run" : (STATUS[status] ?? status));
  };
  const speak = () => {
    drawState();
    const lr = model.get("selected_lr");
    if (model.get("status") !== "idle")
      setText(spoken, `${state.textContent}. ${lr === null ? "" : `Learning rate ${formatRate(lr)}`}`);
  };
  const ends = [
    follow(model, ["rules"], () => {
      rule.replaceChildren(
        ...Object.entries(model.get("rules")).map(([value, text]) => element("option", { value }, text)),
      );
    }),
    follow(model, ["selected_lr", "pinned", "says", "method", "undoable", "round", "recorded"], draw),
    follow(model, ["said"], () => setText(said, model.get("said"))),
    follow(model, ["status", "recorded"], speak),
    pacer.watch(drawState),
  ];
  return {
    node,
    end: () => {
      releaseKeys();
      for (const end of ends) end();
    },
  };
}
