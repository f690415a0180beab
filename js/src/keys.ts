/**
 * Keeps the keys of the panel's controls from JupyterLab, which uses the arrows to fold cells and Enter to edit them.
 * Keys with Ctrl, Cmd or Alt stay JupyterLab's, and so does Shift+Enter, which runs the cell.
 *
 * The attribute must be on the focused element itself, because JupyterLab tests that element before its parents.
 * JupyterLab listens on the document in the capture phase; only the window receives a key earlier.
 */
export function keepKeys(panel: HTMLElement, signal: AbortSignal): void {
  window.addEventListener(
    "keydown",
    (event) => {
      const { target } = event;
      if (!(target instanceof HTMLElement) || !panel.contains(target)) return;
      const theirs = event.ctrlKey || event.metaKey || event.altKey || (event.shiftKey && event.key === "Enter");
      target.toggleAttribute("data-lm-suppress-shortcuts", !theirs);
    },
    { capture: true, signal },
  );
}
