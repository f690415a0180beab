import { expect, test, vi } from "vitest";
import panel from "../src/panel";
import { mockModel } from "./mock_model";

test("a view has the figure's margins and colours, and closing it removes every listener", () => {
  vi.stubGlobal(
    "ResizeObserver",
    class {
      observe() {}
      disconnect() {}
    },
  );
  const { model, listening } = mockModel();
  const el = document.createElement("div");
  const { initialize, render } = panel();
  const stop = initialize({ model } as never) as () => void;
  const alone = listening();
  const close = render({ model, el } as never) as () => void;
  expect(el.children).toHaveLength(9);
  expect(el.style.getPropertyValue("--autolr-figure-left")).toBe("3px");
  expect(el.style.getPropertyValue("--autolr-figure-curve")).toBe("#0000ff");
  expect(listening()).toBeGreaterThan(alone);
  close();
  expect(listening()).toBe(alone);
  stop();
  expect(listening()).toBe(0);
  vi.unstubAllGlobals();
});
