import { beforeEach, expect, test } from "vitest";
import { lrRange } from "../src/lr_range";
import { mockModel, SETTINGS } from "./mock_model";

function show(range = { lr_min: 1e-4, lr_max: 1 }) {
  const mock = mockModel(range);
  const controller = new AbortController();
  const ends = SETTINGS.filter(({ kind }) => kind === "rate");
  const el = lrRange(mock.model, ends, controller.signal);
  const close = () => controller.abort();
  document.body.replaceChildren(el);
  const [first, last] = [...el.querySelectorAll<HTMLInputElement>("input[type=range]")];
  const [firstNumber, lastNumber] = [...el.querySelectorAll<HTMLInputElement>("input[type=text]")];
  if (!first || !last || !firstNumber || !lastNumber) throw new Error("two sliders and two numbers");
  return { ...mock, el, close, first, last, firstNumber, lastNumber };
}

function set(input: HTMLInputElement, value: string, event: string) {
  input.value = value;
  input.dispatchEvent(new Event(event));
}

let view: ReturnType<typeof show>;
beforeEach(() => {
  view = show();
});

test("shows the kernel's range, in words for a screen reader", () => {
  expect(view.first.value).toBe("-4");
  expect(view.first.getAttribute("aria-valuetext")).toBe("1e-4");
  expect(view.last.getAttribute("aria-label")).toBe("Highest");
  expect([view.firstNumber.value, view.lastNumber.value]).toEqual(["1e-4", "1"]);
});

test("a thumb moves the trait and its number", () => {
  set(view.first, "-3", "input");
  expect(view.saved).toMatchObject([{ lr_min: 1e-3, lr_max: 1 }]);
  expect(view.firstNumber.value).toBe("0.001");
});

test("a thumb stops at the other", () => {
  set(view.first, "0.5", "input");
  expect(view.saved).toEqual([]);
  expect(view.first.value).toBe("-4");
});

test.each(["Enter", "change"])("a number is taken on %s", (how) => {
  view.lastNumber.value = "20";
  view.lastNumber.dispatchEvent(how === "Enter" ? new KeyboardEvent("keydown", { key: "Enter" }) : new Event("change"));
  expect(view.model.get("lr_max")).toBe(20);
  expect(view.last.max).toBe(String(Math.log10(20)));
  expect(view.saved).toHaveLength(1);
});

const message = (field: HTMLElement) =>
  document.getElementById(field.getAttribute("aria-errormessage") ?? "")?.textContent;

test.each([
  ["fast", "a number above 0, such as 1e-3"],
  ["-1", "a number above 0, such as 1e-3"],
  ["", "a number above 0, such as 1e-3"],
  ["1e-9", "above the lowest, 1e-4"],
])("%j is refused at the field, and stays until it is corrected", (text, why) => {
  set(view.lastNumber, text, "change");
  expect(view.saved).toEqual([]);
  expect([view.lastNumber.value, view.lastNumber.getAttribute("aria-invalid")]).toEqual([text, "true"]);
  expect(message(view.lastNumber)).toBe(`Highest must be ${why}. 1 is still used.`);
  set(view.lastNumber, "2", "change");
  expect([view.model.get("lr_max"), message(view.lastNumber)]).toEqual([2, ""]);
});

test("an end that crossed the other is taken once the other has moved", () => {
  set(view.firstNumber, "20", "change");
  expect(message(view.firstNumber)).toBe("Lowest must be below the highest, 1. 1e-4 is still used.");
  set(view.lastNumber, "10", "change");
  expect(message(view.firstNumber)).toBe("Lowest must be below the highest, 10. 1e-4 is still used.");
  set(view.lastNumber, "100", "change");
  expect([view.model.get("lr_min"), message(view.firstNumber)]).toEqual([20, ""]);
});

test("what is being typed stays when another field is refused", () => {
  view.firstNumber.value = "2";
  view.firstNumber.dispatchEvent(new Event("input"));
  view.model.set("refusals", { batch_size: { value: 5000, words: "Too many." } });
  expect(view.firstNumber.value).toBe("2");
  view.model.set("lr_min", 1e-2);
  expect(view.firstNumber.value).toBe("2");
  view.firstNumber.dispatchEvent(new Event("blur"));
  expect(view.firstNumber.value).toBe("0.01");
});

test("a thumb replaces what was refused", () => {
  set(view.firstNumber, "fast", "change");
  set(view.first, "-3", "input");
  expect([view.firstNumber.value, message(view.firstNumber)]).toEqual(["0.001", ""]);
});

test("follows the kernel", () => {
  view.model.set("lr_max", 5);
  expect(view.lastNumber.value).toBe("5");
});

test("the track does not shrink under a thumb that is dragged back", () => {
  view.model.set("lr_max", 100);
  expect(view.last.max).toBe("2");
  set(view.last, "0", "input");
  expect(view.model.get("lr_max")).toBe(1);
  expect(view.last.max).toBe("2");
});

test("closing removes the listeners", () => {
  view.close();
  expect(view.listening()).toBe(0);
});
