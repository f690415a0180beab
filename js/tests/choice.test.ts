import { expect, test } from "vitest";
import { choice } from "../src/choice";
import { pace } from "../src/pacer";
import type { Screen } from "../src/screen";
import { mockModel } from "./mock_model";

function show(state: Partial<Screen> = {}) {
  const mock = mockModel(state);
  const pacer = pace(mock.model as never);
  const { node, end } = choice(mock.model, pacer);
  document.body.replaceChildren(node);
  const input = node.querySelector("input") as HTMLInputElement;
  const button = (name: string) => [...node.querySelectorAll("button")].find((one) => one.textContent === name);
  const type = (text: string, event: Event = new Event("change")) => {
    input.value = text;
    input.dispatchEvent(event);
  };
  return { ...mock, node, end, input, button, type, pacer };
}

test("shows the rate, how it was chosen and what can be done with it", () => {
  const view = show({ selected_lr: 0.0316227766, says: "0.01 to 0.1", round: 5, status: "done" });
  expect(view.input.value).toBe("0.0316");
  expect(view.node.textContent).toContain("0.01 to 0.1");
  expect(view.node.querySelector("select")?.value).toBe("cautious");
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

test.each(["fast", "-1", "0", "", "inf"])("%j is refused, and what holds is shown again", (text) => {
  const view = show({ selected_lr: 0.1 });
  view.type(text);
  expect(view.saved).toEqual([]);
  expect(view.input.value).toBe("0.1");
  expect(view.node.querySelector(".autolr-said")?.textContent).toContain("Not a learning rate");
});

test("leaving the field as it is chooses nothing, though it shows three digits only", () => {
  const view = show({ selected_lr: 0.0316227766 });
  view.type("0.0316");
  expect(view.saved).toEqual([]);
});

test("rounds do not take the words out of the mouth of who types", () => {
  const view = show({ selected_lr: 0.1 });
  view.input.focus();
  view.input.value = "0.02";
  view.model.set("selected_lr", 0.3);
  expect(view.input.value).toBe("0.02");
});

test("the screen reader hears of the state, not of every round", () => {
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
  const view = show({ rules: { mean: "<b>lowest</b>", cautious: "below" } });
  const select = view.node.querySelector("select") as HTMLSelectElement;
  expect(select.options[0]?.textContent).toBe("<b>lowest</b>");
  select.value = "mean";
  select.dispatchEvent(new Event("change"));
  expect(view.saved.at(-1)?.method).toBe("mean");
});

test("buttons ask for deeds", () => {
  const view = show({ selected_lr: 0.1, round: 3, pinned: true, undoable: true });
  for (const name of ["Follow the rule", "Apply", "Undo", "Refine"]) view.button(name)?.click();
  expect(view.sent.map(({ type }) => type)).toEqual(["follow", "apply", "undo", "refine"]);
});

test("closing takes the listeners away", () => {
  const view = show();
  view.end();
  view.pacer.stop();
  expect(view.listening()).toBe(0);
});
