import { button, element, menu, setText } from "./element";
import type { Pacer } from "./pacer";
import { formatRate, parseRate } from "./rates";
import { refusal } from "./refusal";
import { schedule } from "./schedule";
import { assign, forgetRate, type Model, onChange, type Traits, withValues } from "./screen";

const STATUS: Record<string, string> = {
  idle: "Ready",
  running: "Running",
  paused: "Paused",
  done: "Done",
  stopped: "Stopped",
  error: "Error",
  preparing: "Preparing the model…",
  pause: "Pausing…",
  reset: "Resetting…",
  lost: "No answer",
  gone: "No kernel",
};

/** The result: the chosen rate in large type, how it was chosen and how certain it is, and the state of the run. */
export function choice(model: Model, pacer: Pacer, signal: AbortSignal): HTMLElement {
  const rate = element("input", {
    type: "text",
    inputmode: "decimal",
    autocomplete: "off",
    placeholder: "–",
    class: "autolr-rate",
    "aria-label": "Learning rate",
  });
  const state = element("span", { class: "autolr-state" });
  const reason = element("div", {});
  const warning = element("div", { class: "autolr-warning", role: "status" });
  const subject = element("div", { class: "autolr-subject" });
  const rule = menu(model.get("settings").find(({ name }) => name === "method")?.options ?? {});
  const useRule = button("Follow the rule", { title: "Use the rule's choice again" });
  const apply = button("Apply");
  const widen = button("Widen the grid", { title: "Measure a wider grid: the curve's lowest point is at its end" });
  const undo = button("Undo", { title: "Set the optimizer's previous rate again" });
  const refine = button("Refine", { title: "Measure a finer grid around this rate" });
  const notice = element("div", { class: "autolr-notice", role: "status" });
  // Spoken when the run starts, pauses and ends, but not in every round.
  const spoken = element("div", { class: "autolr-hidden", role: "status" });
  const refused = refusal(model, "selected_lr", rate, () => "", signal);
  const { kind, details, isRefused } = schedule(model, signal);
  const node = element(
    "section",
    { class: "autolr-choice", "aria-label": "Chosen learning rate" },
    element(
      "div",
      { class: "autolr-answer" },
      element("div", { class: "autolr-title" }, element("span", {}, "Learning rate"), state),
      rate,
      element("div", { class: "autolr-below" }, element("div", { class: "autolr-refusals" }, refused.node)),
    ),
    element(
      "div",
      { class: "autolr-chosen-by" },
      element("div", { class: "autolr-rule" }, element("label", {}, element("span", {}, "chosen by"), rule), useRule),
      element("div", { class: "autolr-reason" }, reason, warning),
      subject,
    ),
    element("div", { class: "autolr-row" }, kind, apply, undo, refine, widen),
    details,
    notice,
    spoken,
  );

  const currentRate = () => {
    const lr = model.get("selected_lr");
    return lr === null ? "" : formatRate(lr);
  };
  // A round that arrives must not overwrite what the user is typing, or has yet to correct.
  let edited = false;
  const commitRate = () => {
    if (!edited) return;
    const lr = parseRate(rate.value);
    if (lr === undefined) refused.refuse("Must be a number above 0, such as 1e-3.");
    else follow({ selected_lr: lr, pinned: true });
    updateChoice();
  };
  /** Shows the current rate again. */
  const follow = (values: Partial<Traits>) => {
    edited = false;
    refused.accept(values);
    rate.value = currentRate();
  };
  rate.addEventListener(
    "input",
    () => {
      edited = true;
    },
    { signal },
  );
  for (const type of ["blur", "change"]) rate.addEventListener(type, commitRate, { signal });
  rate.addEventListener(
    "keydown",
    (event) => {
      // Chromium fires no `change` for Enter outside a form.
      if (event.key === "Enter") commitRate();
      if (event.key !== "Escape") return;
      follow({});
      updateChoice();
    },
    { signal },
  );
  rule.addEventListener("change", () => assign(model, { method: rule.value }), { signal });
  for (const [one, type] of [
    [useRule, "use_rule"],
    [apply, "apply"],
    [undo, "undo"],
    [refine, "refine"],
    [widen, "widen"],
  ] as const) {
    one.addEventListener(
      "click",
      () => {
        if (type === "use_rule") follow({});
        // A run that these start must not be paused by a pause that was asked for before.
        const send = type === "refine" || type === "widen" ? pacer.ask : pacer.send;
        send(withValues(model, { type }));
        if (type === "use_rule" || type === "refine" || type === "widen") forgetRate(model);
      },
      { signal },
    );
  }

  const updateChoice = () => {
    const [lr, replay] = [model.get("selected_lr"), model.get("replay")];
    if (!edited) rate.value = currentRate();
    setText(reason, model.get("reason"));
    setText(warning, model.get("warning"));
    rule.value = model.get("method");
    useRule.hidden = !model.get("pinned");
    // The click would mean what was typed, and not the rate before it.
    apply.disabled = replay || lr === null || refused.isOwn() || isRefused();
    undo.disabled = !model.get("undoable");
    widen.hidden = replay || !model.get("edge");
    refine.disabled = replay || lr === null || refused.isOwn() || model.get("round") === 0;
  };
  const updateState = () => {
    const run = model.get("status") === "running" && model.get("preparing") ? "preparing" : model.get("status");
    const status = pacer.isGone() ? "gone" : pacer.isLost() ? "lost" : (pacer.held() ?? run);
    state.dataset.status = status;
    setText(state, model.get("replay") ? "Saved run" : (STATUS[status] ?? status));
  };
  const speakState = () => {
    updateState();
    const lr = model.get("selected_lr");
    if (model.get("status") !== "idle")
      setText(spoken, `${state.textContent}. ${lr === null ? "" : `Learning rate ${formatRate(lr)}`}`);
  };
  const shown = [
    "selected_lr",
    "pinned",
    "reason",
    "warning",
    "method",
    "undoable",
    "kind",
    "schedule",
    "edge",
    "round",
    "replay",
  ] as const;
  // A length that is refused or corrected sends nothing, or only itself.
  for (const type of ["change", "keydown"]) details.addEventListener(type, () => updateChoice(), { signal });
  // The line was dragged: what is typed is out of date.
  const onPinned = () => {
    if (refused.isOwn() && model.get("pinned")) follow({});
  };
  onChange(model, ["selected_lr", "pinned"], onPinned, signal);
  onChange(model, shown, updateChoice, signal);
  const updateSubject = () => {
    setText(subject, model.get("subject"));
    const what = model.get("kind") === "constant" ? "this rate" : "this schedule";
    apply.title = `Set ${what} in the optimizer of this model: ${model.get("subject")}`;
  };
  onChange(model, ["subject", "kind"], updateSubject, signal);
  onChange(model, ["notice"], () => setText(notice, model.get("notice")), signal);
  onChange(model, ["status", "replay", "preparing"], speakState, signal);
  pacer.watch(updateState, signal);
  return node;
}
