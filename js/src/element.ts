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
 * Keeps a control's own keys from JupyterLab, which takes the arrows to fold cells and Enter to leave for the editor.
 * Those with Ctrl, Cmd or Alt, and Shift+Enter, which runs the cell, stay JupyterLab's.
 *
 * The attribute has to be on the focused element itself: JupyterLab tests that one before its parents. It listens on the
 * document, capturing; only the window hears a key before that. Returns what ends it.
 */
export function keepKeys(...controls: HTMLElement[]): () => void {
  const decide = (event: KeyboardEvent) => {
    const control = controls.find((one) => one === event.target);
    if (!control) return;
    const theirs = event.ctrlKey || event.metaKey || event.altKey || (event.shiftKey && event.key === "Enter");
    control.toggleAttribute("data-lm-suppress-shortcuts", !theirs);
  };
  window.addEventListener("keydown", decide, true);
  return () => window.removeEventListener("keydown", decide, true);
}

/** Sets text only where it differs: a live region speaks on every change. */
export function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}
