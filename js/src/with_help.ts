import { element } from "./element";

let ids = 0;

/** A row with a line of help below, which describes the row's control to a screen reader. */
export function withHelp(row: HTMLElement, control: HTMLElement, help: string): HTMLElement {
  const id = `autolr-help-${++ids}`;
  control.setAttribute("aria-describedby", id);
  return element("div", { class: "autolr-control" }, row, element("div", { class: "autolr-help", id }, help));
}
