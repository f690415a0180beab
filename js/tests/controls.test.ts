import { expect, test } from "vitest";
import { controls } from "../src/controls";
import { mockModel, SETTINGS, type State, setting } from "./mock_model";

function show(state: Partial<State> = {}) {
  const mock = mockModel(state);
  const controller = new AbortController();
  const node = controls(mock.model, controller.signal);
  const end = () => controller.abort();
  document.body.replaceChildren(node);
  const named = (name: string) => node.querySelector(`[aria-label="${name}"]`) as HTMLInputElement;
  const labelled = (name: string) =>
    [...node.querySelectorAll("label")]
      .find((one) => one.textContent?.startsWith(name))
      ?.querySelector("select, input") as HTMLInputElement;
  const button = (name: string) => [...node.querySelectorAll("button")].find((one) => one.textContent === name);
  const set = (input: HTMLInputElement, value: string) => {
    input.value = value;
    input.dispatchEvent(new Event("change"));
  };
  const message = (field: HTMLElement) =>
    document.getElementById(field.getAttribute("aria-errormessage") ?? "")?.textContent;
  return { ...mock, node, end, named, labelled, button, set, message };
}

test("slider and number show the same setting", () => {
  const view = show();
  view.set(view.named("Batch size, slider"), "64");
  expect(view.saved.at(-1)?.batch_size).toBe(64);
  expect(view.named("Batch size").value).toBe("64");
  view.set(view.named("Batch size"), "16");
  expect(view.named("Batch size, slider").value).toBe("16");
});

test.each(["0", "2.5", ""])("a batch of %j is refused at the field, and stays until it is corrected", (text) => {
  const view = show();
  const field = view.named("Batch size");
  view.set(field, text);
  view.model.set("batch_most", 100);
  expect(view.saved).toEqual([]);
  expect([field.value, field.getAttribute("aria-invalid")]).toEqual([text, "true"]);
  expect(view.message(field)).toBe("Batch size must be a whole number of at least 1. 32 is still used.");
  view.set(field, "32");
  expect([view.message(field), field.hasAttribute("aria-invalid")]).toEqual(["", false]);
});

test("a field keeps what the kernel refused, until another value is sent", () => {
  const words = "Batch size must be at most 1,797.";
  const view = show({ refusals: { batch_size: { value: 5000, words } } });
  const field = view.named("Batch size");
  expect([field.value, view.named("Batch size, slider").value]).toEqual(["5000", "32"]);
  expect(view.message(field)).toBe(`${words} 32 is still used.`);
  view.set(field, "32");
  expect(view.sent).toEqual([{ type: "forget_refusal", name: "batch_size" }]);
  expect([field.value, view.message(field)]).toEqual(["32", ""]);
});

test("a menu keeps what the kernel refused", () => {
  const view = show({ refusals: { spacing: { value: "odd", words: "Not with these rates." } } });
  const select = view.labelled("Spacing");
  expect([select.value, view.message(select)]).toEqual(["odd", "Not with these rates. “evenly” is still used."]);
  view.set(select, "even");
  expect([select.value, view.message(select)]).toEqual(["even", ""]);
});

test("a value from elsewhere replaces a refused one", () => {
  const view = show();
  view.set(view.named("Batch size"), "0");
  view.model.set("batch_size" as never, 64 as never);
  expect([view.named("Batch size").value, view.message(view.named("Batch size"))]).toEqual(["64", ""]);
});

test("a number beyond its slider widens the slider", () => {
  const view = show();
  view.set(view.named("Rounds"), "5000");
  expect(view.named("Rounds, slider").max).toBe("5000");
});

test.each([
  ["Spacing", "spacing", "odd"],
  ["Colour", "colour", "blue"],
  ["Axis", "axis", "linear"],
])("menu %s", (name, trait, value) => {
  const view = show();
  view.set(view.labelled(name), value);
  expect(view.saved.at(-1)).toMatchObject({ [trait]: value });
});

test.each([
  ["Each round", "show_rounds", true, false],
  ["Histogram", "probed", 0, -1],
  ["What every rule", "all_rules", true, false],
  ["Large print", "large", true, false],
])("checkbox %s", (name, trait, on, off) => {
  const view = show({ [trait]: off });
  for (const value of [on, off]) {
    view.labelled(name).click();
    expect(view.saved.at(-1)?.[trait]).toBe(value);
  }
  view.model.set(trait as never, on as never);
  expect(view.labelled(name).checked).toBe(true);
});

test("each control has a name and a line of help", () => {
  const { node } = show();
  for (const control of node.querySelectorAll<HTMLInputElement>(
    "fieldset :is(input, select), .autolr-more .autolr-control :is(input, select)",
  )) {
    expect(control.getAttribute("aria-label") ?? control.labels?.[0]?.textContent).toBeTruthy();
    const described = [control, control.closest("[role=group][aria-describedby]") ?? control];
    const ids = described.flatMap((one) => one.getAttribute("aria-describedby")?.split(" ") ?? []);
    const slider =
      control.type === "range" ? control.closest(".autolr-control")?.querySelector("[aria-describedby]") : null;
    ids.push(...(slider?.getAttribute("aria-describedby")?.split(" ") ?? []));
    expect(ids.map((id) => document.getElementById(id)?.textContent).join("")).toBeTruthy();
  }
});

test("groups say that a change needs a new run once there are rounds", () => {
  const view = show();
  const notes = () =>
    [...view.node.querySelectorAll(".autolr-restarts")].map((one) => one.classList.contains("autolr-gone"));
  expect(notes()).toEqual([true, true]);
  view.model.set("round", 1);
  expect(notes()).toEqual([false, false]);
});

test("groups say so in the first round too, when it is paused", () => {
  const { node } = show({ status: "paused", round: 0 });
  expect(node.querySelectorAll(".autolr-restarts:not(.autolr-gone)").length).toBe(2);
});

test("in a saved run, settings that would ask for new rounds are disabled", () => {
  const view = show({ replay: true, round: 3 });
  expect(view.node.querySelectorAll(".autolr-restarts:not(.autolr-gone)").length).toBe(0);
  expect([...view.node.querySelectorAll("fieldset")].map((group) => group.disabled)).toEqual([true, true]);
  expect(view.named("Seed").disabled).toBe(true);
  expect(view.labelled("Colour").disabled).toBe(false);
});

test("a group names the settings that start no new run", () => {
  const { node } = show();
  expect([...node.querySelectorAll(".autolr-restarts")].map((note) => note.textContent)).toEqual([
    "A change here needs a new run.",
    "A change here, except to Rounds, needs a new run.",
  ]);
});

test.each([
  [setting("made_up", "integer", { label: "Made up", group: "sampling", least: 1, most: 9, step: 1 }), "7", 7],
  [setting("made_up", "number", { label: "Made up", group: "more", least: 0.1, most: 1, step: 0.1 }), "0.25", 0.25],
])("a made-up number gets a slider, a field and its help: %o", (made, text, value) => {
  const view = show({ settings: [...SETTINGS, made], made_up: 3 });
  expect(view.named("Made up, slider").max).toBe(String(Math.max(made.most ?? 0, 3)));
  expect(view.named("Made up").value).toBe("3");
  expect(view.node.textContent).toContain("About made_up.");
  view.set(view.named("Made up"), text);
  expect(view.saved.at(-1)).toMatchObject({ made_up: value });
});

test("a made-up choice gets a menu with its words", () => {
  const made = setting("made_up", "choice", { label: "Made up", options: { a: "the <b>first", b: "the second" } });
  const view = show({ settings: [...SETTINGS, made], made_up: "b" });
  const select = view.labelled("Made up") as unknown as HTMLSelectElement;
  expect([...select.options].map(({ textContent }) => textContent)).toEqual(["the <b>first", "the second"]);
  expect(select.value).toBe("b");
  view.set(view.labelled("Made up"), "a");
  expect(view.saved.at(-1)).toMatchObject({ made_up: "a" });
});

test("a setting without a largest value has only a field, and the batch's slider ends at the data", () => {
  const view = show({ batch_most: 77 });
  expect(view.named("Seed, slider")).toBeNull();
  expect(view.named("Seed").value).toBe("3");
  expect(view.named("Batch size, slider").max).toBe("77");
});

test("closing removes the listeners", () => {
  const view = show();
  view.end();
  expect(view.listening()).toBe(0);
});

test("a number below its slider can be typed, but 0 can't", () => {
  const view = show();
  view.set(view.named("Level"), "0.0026");
  expect(view.saved.at(-1)?.level).toBe(0.0026);
  expect(view.named("Level, slider").min).toBe("0.0026");
  view.set(view.named("Level"), "0");
  expect(view.saved).toHaveLength(1);
  expect(view.message(view.named("Level"))).toBe("Level must be a number above 0. 0.0026 is still used.");
});

test("the batch size of a stream's own batches is shown, and can't be changed", () => {
  const view = show({ own_batch_size: 256 });
  const number = view.node.querySelector<HTMLInputElement>('input[type="number"][aria-label="Batch size"]');
  expect([number?.value, number?.disabled]).toEqual(["256", true]);
  expect(view.node.textContent).toContain("The batches of your data, whole and in their order.");
});
