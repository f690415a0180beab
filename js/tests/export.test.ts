import { expect, test, vi } from "vitest";
import { exportRow } from "../src/export";
import { mockModel } from "./mock_model";

test("a file is saved by the view that asked for it, under its name", () => {
  const mock = mockModel();
  const { signal } = new AbortController();
  const [one, other] = [exportRow(mock.model, signal), exportRow(mock.model, signal)];
  document.body.replaceChildren(one, other);
  const saved: string[] = [];
  vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
    saved.push(this.download);
  });
  URL.createObjectURL = () => "blob:x";
  const button = [...one.querySelectorAll("button")].find((b) => b.textContent === "Download") as HTMLButtonElement;
  button.click();
  expect(mock.sent).toEqual([{ type: "download", format: "json" }]);
  mock.fire("msg:custom", { type: "file", name: "learning-rate.json" }, [new DataView(new ArrayBuffer(2))]);
  mock.fire("msg:custom", { type: "file", name: "late.json" }, [new DataView(new ArrayBuffer(2))]);
  expect(saved).toEqual(["learning-rate.json"]);
  vi.restoreAllMocks();
});

test("without a clipboard the Python is selected, to be copied by key", async () => {
  const node = exportRow(mockModel({ code: "model.optimizer" }).model, new AbortController().signal);
  document.body.replaceChildren(node);
  const area = node.querySelector("textarea") as HTMLTextAreaElement;
  const copy = [...node.querySelectorAll("button")].at(-1);
  copy?.click();
  await Promise.resolve();
  await Promise.resolve();
  expect([area.selectionStart, area.selectionEnd]).toEqual([0, 15]);
  expect(copy?.textContent).toBe("Press Ctrl+C");
});

test("what can't be downloaded is told at the format, until another format is chosen", () => {
  const refusals = { download: { words: "Parquet needs pyarrow: pip install pyarrow" } };
  const node = exportRow(mockModel({ refusals }).model, new AbortController().signal);
  document.body.replaceChildren(node);
  const format = node.querySelector("select") as HTMLSelectElement;
  const message = document.getElementById(format.getAttribute("aria-errormessage") ?? "");
  expect([message?.textContent, format.getAttribute("aria-invalid")]).toEqual([refusals.download.words, "true"]);
  format.dispatchEvent(new Event("change"));
  expect([message?.textContent, format.hasAttribute("aria-invalid")]).toEqual(["", false]);
});
