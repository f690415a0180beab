import { afterEach, expect, test } from "vitest";
import { keepKeys } from "../src/keys";

let view: AbortController;
afterEach(() => view.abort());

function show() {
  view = new AbortController();
  const panel = document.createElement("div");
  panel.innerHTML = "<input><button></button><select></select>";
  const outside = document.createElement("button");
  document.body.replaceChildren(panel, outside);
  keepKeys(panel, view.signal);
  return { panel, outside };
}

function press(node: Element, key: KeyboardEventInit) {
  node.dispatchEvent(new KeyboardEvent("keydown", { ...key, bubbles: true }));
  return node.hasAttribute("data-lm-suppress-shortcuts");
}

test.each([
  [{ key: "ArrowLeft" }, true],
  [{ key: "Enter" }, true],
  [{ key: "Enter", shiftKey: true }, false],
  [{ key: "s", ctrlKey: true }, false],
  [{ key: "s", metaKey: true }, false],
  [{ key: "s", altKey: true }, false],
])("%j on any control is kept from JupyterLab: %s", (key, kept) => {
  for (const control of show().panel.children) expect(press(control, key)).toBe(kept);
});

test("a key that JupyterLab gets after one that it did not get", () => {
  const input = show().panel.firstElementChild as Element;
  expect(press(input, { key: "Enter" })).toBe(true);
  expect(press(input, { key: "Enter", shiftKey: true })).toBe(false);
});

test("a control that is added later is included, one outside the panel is not", () => {
  const { panel, outside } = show();
  const added = panel.appendChild(document.createElement("button"));
  expect(press(added, { key: "Enter" })).toBe(true);
  expect(press(outside, { key: "Enter" })).toBe(false);
});

test("closing removes the listener", () => {
  const { panel } = show();
  view.abort();
  expect(press(panel.firstElementChild as Element, { key: "Enter" })).toBe(false);
});
