/** A new element with properties, attributes (`aria-*`, `role`) and children; strings become text, never markup. */
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

/**
 * Keeps a control's keys from JupyterLab, which takes the arrows to fold cells and Enter to leave for the editor.
 *
 * The attribute has to be on the focused element itself: JupyterLab tests that one before its parents.
 */
export function keepKeys(...controls: HTMLElement[]): void {
  for (const control of controls) control.dataset.lmSuppressShortcuts = "true";
}

/** Sets text only where it differs: a live region speaks on every change. */
export function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}
