import { element, keepKeys, setText } from "./element";
import { follow, type Model, type Part, withValues } from "./screen";

const FORMATS: Record<string, string> = {
  json: "JSON, the whole run",
  csv: "CSV, the rounds",
  parquet: "Parquet, the rounds",
  png: "PNG, the picture",
  svg: "SVG, the picture",
  html: "HTML, a page of its own",
};

/** What takes the result elsewhere: a file, or the Python that does the same. */
export function handOver(model: Model): Part {
  const format = element(
    "select",
    { "aria-label": "Format of the file" },
    ...Object.entries(FORMATS).map(([value, text]) => element("option", { value }, text)),
  );
  const save = element("button", { type: "button" }, "Download");
  const code = element("textarea", {
    class: "autolr-code",
    readonly: "",
    rows: "6",
    "aria-label": "Python that does the same",
  });
  const copy = element("button", { type: "button" }, "Copy the Python");
  const node = element(
    "div",
    { class: "autolr-hand-over" },
    element("div", { class: "autolr-row" }, format, save),
    code,
    element("div", { class: "autolr-row" }, copy),
  );
  const releaseKeys = keepKeys(format, save, code, copy);

  // Every view hears the answer; the one that asked saves it.
  let asked = false;
  save.addEventListener("click", () => {
    asked = true;
    model.send(withValues(model, { type: "save", format: format.value }));
  });
  copy.addEventListener("click", async () => {
    code.select();
    try {
      await navigator.clipboard.writeText(code.value);
      setText(copy, "Copied");
    } catch {
      // Without a secure connection or leave there is no clipboard; the text is selected, and a key copies it.
      setText(copy, "Press Ctrl+C");
    }
    setTimeout(() => setText(copy, "Copy the Python"), 2000);
  });
  const onFile = (message: { type: string; name: string }, buffers: DataView[]) => {
    const [data] = buffers;
    if (message.type !== "file" || !data || !asked) return;
    asked = false;
    const link = element("a", { download: message.name, href: URL.createObjectURL(new Blob([data as BlobPart])) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  };
  model.on("msg:custom", onFile);
  const unfollow = follow(model, ["code"], () => {
    code.value = model.get("code");
  });
  return {
    node,
    end: () => {
      releaseKeys();
      unfollow();
      model.off("msg:custom", onFile);
    },
  };
}
