import { button, element, menu, setText } from "./element";
import { refusal } from "./refusal";
import { type Model, onChange, withValues } from "./screen";

const FORMATS: Record<string, string> = {
  json: "JSON, the whole run",
  csv: "CSV, the rounds",
  parquet: "Parquet, the rounds",
  png: "PNG, the chart",
  svg: "SVG, the chart",
  html: "HTML, a complete page",
};

/** Exports the result: as a file, or as Python code that gives the same result. */
export function exportRow(model: Model, signal: AbortSignal): HTMLElement {
  const format = menu(FORMATS, { "aria-label": "Format of the file" });
  const download = button("Download");
  const refused = refusal(model, "download", format, () => "", signal);
  format.addEventListener("change", () => refused.accept({}), { signal });
  const code = element("textarea", {
    class: "autolr-code",
    readonly: "",
    rows: "6",
    "aria-label": "Python code that does the same",
  });
  const copy = button("Copy the Python");

  // Every view receives the file; only the one that asked for it saves it.
  let asked = false;
  download.addEventListener(
    "click",
    () => {
      asked = true;
      model.send(withValues(model, { type: "download", format: format.value }));
    },
    { signal },
  );
  copy.addEventListener(
    "click",
    async () => {
      code.select();
      try {
        await navigator.clipboard.writeText(code.value);
        setText(copy, "Copied");
      } catch {
        // The clipboard needs a secure connection and permission. Without them the selected text can be copied by key.
        setText(copy, "Press Ctrl+C");
      }
      setTimeout(() => setText(copy, "Copy the Python"), 2000);
    },
    { signal },
  );
  const saveFile = (message: { type: string; name: string }, buffers: DataView[]) => {
    const [data] = buffers;
    if (message.type !== "file" || !data || !asked) return;
    asked = false;
    const link = element("a", { download: message.name, href: URL.createObjectURL(new Blob([data as BlobPart])) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  };
  model.on("msg:custom", saveFile);
  signal.addEventListener("abort", () => model.off("msg:custom", saveFile));
  const updateCode = () => {
    code.value = model.get("code");
  };
  onChange(model, ["code"], updateCode, signal);
  return element(
    "div",
    { class: "autolr-export" },
    element("div", { class: "autolr-row" }, format, download),
    element("div", { class: "autolr-below" }, element("div", { class: "autolr-refusals" }, refused.node)),
    code,
    element("div", { class: "autolr-row" }, copy),
  );
}
