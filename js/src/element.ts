/** A new element with attributes and children. Strings become text, never markup. */
export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** A new SVG element. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Record<string, string> = {},
  ...children: Node[]
): SVGElementTagNameMap[K] {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** A drawing that is one unit wide and high, however large it is on the screen. */
export function drawing(name: string): SVGElement {
  return svg("svg", { class: name, viewBox: "0 0 1 1", preserveAspectRatio: "none" });
}

export function button(text: string, attributes: Record<string, string> = {}): HTMLButtonElement {
  return element("button", { type: "button", ...attributes }, text);
}

/** The title of a picture, and a line that says what it shows. */
export function heading(title: string, caption: HTMLElement): HTMLElement {
  caption.classList.add("autolr-help");
  return element("div", { class: "autolr-heading" }, element("h4", {}, title), caption);
}

/** A menu whose options are given as values and words. */
export function menu(options: Record<string, string>, attributes: Record<string, string> = {}): HTMLSelectElement {
  return element(
    "select",
    attributes,
    ...Object.entries(options).map(([value, words]) => element("option", { value }, words)),
  );
}

/** Sets the text only if it differs, because a screen reader reads a live region again after every change. */
export function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

// Each widget on a page has a copy of this module, so that a number alone would not be unique.
const prefix = Math.random().toString(36).slice(2);
let ids = 0;

/** An id that no other element of the page has. */
export function newId(): string {
  return `autolr-${prefix}-${++ids}`;
}
