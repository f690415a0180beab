import { expect, test } from "vitest";
import { choice } from "../src/choice";
import { pace } from "../src/pacer";
import { mockModel, type State, setting } from "./mock_model";

function show(state: Partial<State> = {}) {
  const mock = mockModel(state);
  const pacer = pace(mock.model as never);
  const view = new AbortController();
  const node = choice(mock.model, pacer, view.signal);
  const end = () => view.abort();
  document.body.replaceChildren(node);
  const input = node.querySelector("input") as HTMLInputElement;
  const button = (name: string) => [...node.querySelectorAll("button")].find((one) => one.textContent === name);
  const type = (text: string, event: Event = new Event("change")) => {
    input.value = text;
    input.dispatchEvent(new Event("input"));
    input.dispatchEvent(event);
  };
  return { ...mock, node, end, input, button, type, pacer };
}

test("shows the rate, how it was chosen and the buttons", () => {
  const view = show({ selected_lr: 0.0316227766, reason: "0.01 to 0.1", round: 5, status: "done" });
  expect(view.input.value).toBe("0.0316");
  expect(view.node.textContent).toContain("0.01 to 0.1");
  expect(view.node.querySelector("select")?.value).toBe("low");
  for (const name of ["Apply", "Refine"]) expect(view.button(name)?.disabled).toBe(false);
  expect(view.button("Undo")?.disabled).toBe(true);
});

test.each([new Event("change"), new KeyboardEvent("keydown", { key: "Enter" })])(
  "a typed rate is the user's",
  (event) => {
    const view = show({ selected_lr: 0.1 });
    view.type("1e-3", event);
    expect(view.saved.at(-1)?.selected_lr).toBe(1e-3);
  },
);

test.each(["fast", "-1", "0", "", "inf"])("%j is refused at the field, and stays until it is corrected", (text) => {
  const view = show({ selected_lr: 0.1, round: 1 });
  const message = view.node.querySelector(`#${view.input.getAttribute("aria-errormessage")}`);
  view.type(text);
  view.model.set("selected_lr", 0.2);
  expect(view.saved).toEqual([]);
  expect([view.input.value, view.input.getAttribute("aria-invalid")]).toEqual([text, "true"]);
  expect(message?.textContent).toBe("Must be a number above 0, such as 1e-3.");
  view.type("0.02");
  expect([message?.textContent, view.input.hasAttribute("aria-invalid")]).toEqual(["", false]);
  expect(view.saved.at(-1)).toMatchObject({ selected_lr: 0.02, pinned: true });
});

test("Escape, the rule and the dragged line replace a refused rate", () => {
  const view = show({ selected_lr: 0.1, pinned: true });
  const refused = () => [view.input.value, view.input.hasAttribute("aria-invalid")];
  view.type("fast");
  view.input.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
  expect(refused()).toEqual(["0.1", false]);
  view.type("fast");
  view.button("Follow the rule")?.click();
  expect(refused()).toEqual(["0.1", false]);
  view.type("fast");
  view.model.set("selected_lr", 0.5);
  expect(refused()).toEqual(["0.5", false]);
});

test("a field without the focus follows the rule, and leaving it chooses nothing", () => {
  const view = show({ selected_lr: 0.0316227766 });
  view.input.focus();
  view.model.set("selected_lr", 0.5);
  expect(view.input.value).toBe("0.5");
  view.input.blur();
  view.input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
  expect(view.saved).toEqual([]);
});

test("a round does not overwrite what is being typed", () => {
  const view = show({ selected_lr: 0.1 });
  view.input.focus();
  for (const text of ["", "0.02"]) {
    view.input.value = text;
    view.input.dispatchEvent(new Event("input"));
    view.model.set("selected_lr", text === "" ? 0.3 : 0.4);
    expect(view.input.value).toBe(text);
  }
  view.input.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
  expect(view.input.value).toBe("0.4");
});

test("the screen reader speaks the state, not every round", () => {
  const view = show({ selected_lr: 0.1, status: "running", round: 1 });
  const spoken = view.node.querySelector(".autolr-hidden") as HTMLElement;
  expect(spoken.textContent).toBe("Running. Learning rate 0.1");
  view.model.set("selected_lr", 0.2);
  view.model.set("round", 2);
  expect(spoken.textContent).toBe("Running. Learning rate 0.1");
  view.model.set("status", "done");
  expect(spoken.textContent).toBe("Done. Learning rate 0.2");
});

test("the rule is a menu, and the names are text", () => {
  const view = show({ settings: [setting("method", "rule", { options: { low: "<b>lowest</b>", mean: "mean" } })] });
  const select = view.node.querySelector("select") as HTMLSelectElement;
  expect(select.options[0]?.textContent).toBe("<b>lowest</b>");
  select.value = "mean";
  select.dispatchEvent(new Event("change"));
  expect(view.saved.at(-1)?.method).toBe("mean");
});

test("buttons send their messages", () => {
  const view = show({ selected_lr: 0.1, round: 3, pinned: true, undoable: true });
  for (const name of ["Follow the rule", "Apply", "Undo", "Refine"]) view.button(name)?.click();
  expect(view.sent.map(({ type }) => type)).toEqual(["use_rule", "apply", "undo", "refine"]);
});

test("closing removes the listeners", () => {
  const view = show();
  view.end();
  view.pacer.stop();
  expect(view.listening()).toBe(0);
});

test("a button sends what was typed before it, unless that has changed since", () => {
  const view = show({ selected_lr: 0.1 });
  view.type("0.02");
  view.button("Apply")?.click();
  expect(view.sent).toEqual([{ type: "apply", values: { selected_lr: 0.02, pinned: true } }]);
  view.model.set("selected_lr", 0.5);
  view.button("Apply")?.click();
  expect(view.sent.at(-1)).toEqual({ type: "apply", values: { pinned: true } });
});

test("after a mistyped rate, Apply does not apply another rate", () => {
  const view = show({ selected_lr: 0.1, round: 1 });
  view.type("0,05", new FocusEvent("blur"));
  for (const name of ["Apply", "Refine"]) expect(view.button(name)?.disabled).toBe(true);
  view.type("0.05");
  view.button("Apply")?.click();
  expect(view.sent).toEqual([{ type: "apply", values: { selected_lr: 0.05, pinned: true } }]);
});

test("a warning stands at the choice", () => {
  const view = show({ selected_lr: 5, pinned: true, reason: "your own choice", warning: "the loss rose at this rate" });
  expect(view.node.querySelector(".autolr-reason .autolr-warning")?.textContent).toBe("the loss rose at this rate");
});

test("the state says that the kernel is gone", () => {
  const view = show({ status: "running", selected_lr: 0.1 });
  view.model.send = () => {
    throw new Error("Cannot send");
  };
  view.button("Apply")?.click();
  expect(view.node.querySelector(".autolr-state")?.textContent).toBe("No kernel");
});

test("a wider grid is offered where the lowest point is at an end of the grid", () => {
  const view = show({ selected_lr: 0.1, round: 3 });
  const widen = view.button("Widen the grid") as HTMLButtonElement;
  expect(widen.hidden).toBe(true);
  view.model.set("edge", "upper");
  expect(widen.hidden).toBe(false);
  widen.click();
  expect(view.sent).toEqual([{ type: "widen" }]);
});

test("the model and its optimizer are named as text", () => {
  const view = show({ subject: "<b>net</b> · Adam" });
  expect(view.node.querySelector(".autolr-subject")?.textContent).toBe("<b>net</b> · Adam");
});

test("a schedule that there is not is not applied", () => {
  const view = show({ selected_lr: 0.1, kind: "falling", schedule: { words: "The length is not known." } });
  expect(view.button("Apply")?.disabled).toBe(true);
  view.model.set("schedule", { rates: [0.1, 0], epochs: 3 });
  expect(view.button("Apply")?.disabled).toBe(false);
  view.model.set("schedule", { words: "The length is not known." });
  view.model.set("kind", "constant");
  expect(view.button("Apply")?.disabled).toBe(false);
});

test("a schedule is not applied with a length other than what is typed", () => {
  const view = show({ selected_lr: 0.1, kind: "falling" });
  const epochs = view.node.querySelector<HTMLInputElement>(".autolr-schedule input") as HTMLInputElement;
  const type = (text: string) => {
    epochs.value = text;
    epochs.dispatchEvent(new Event("input"));
    epochs.dispatchEvent(new Event("change", { bubbles: true }));
  };
  expect(view.button("Apply")?.title).toContain("Set this schedule");
  type("-3");
  expect(view.button("Apply")?.disabled).toBe(true);
  type("3");
  expect(view.button("Apply")?.disabled).toBe(false);
  type("0");
  view.model.set("kind", "constant");
  expect(view.button("Apply")?.disabled).toBe(false);
});
