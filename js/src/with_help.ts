import { element, newId } from "./element";
import type { Refusal } from "./refusal";

/** A row with a line of help below, which describes the row's control to a screen reader, and room for refusals. */
export function withHelp(
  row: HTMLElement,
  control: HTMLElement,
  help: string,
  ...refusals: Pick<Refusal, "node">[]
): HTMLElement {
  const id = newId();
  control.setAttribute("aria-describedby", id);
  const messages = element("div", { class: "autolr-refusals" }, ...refusals.map(({ node }) => node));
  const below = element("div", { class: "autolr-below" }, element("div", { class: "autolr-help", id }, help), messages);
  return element("div", { class: "autolr-control" }, row, below);
}
