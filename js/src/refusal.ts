import { element, newId, setText } from "./element";
import { assign, type Model, type Name, onChange, type Traits } from "./screen";

/** The message at a field whose content can't be used. It stays until the content can be used. */
export interface Refusal {
  /** The element of the message, to be placed at the field. */
  node: HTMLElement;
  /** What the kernel refused, or undefined: the field shows it, so that it can be corrected. */
  refused: () => unknown;
  /** Whether the field has content that was refused here, and that the kernel has not received. */
  isOwn: () => boolean;
  /** Whether the field has content of the user that must stay: refused here, or still being typed. */
  isHeld: () => boolean;
  /** Marks the field as invalid and says why; empty words take this back. */
  refuse: (words: string) => void;
  /** Takes the message away when the value in use has changed, unless the user is typing another. */
  changed: (update: () => void) => void;
  /** Sends a valid value, and takes the message away. */
  accept: (values: Partial<Traits>) => void;
}

/** `name` is the trait that the field sets, and `kept` tells what is in use instead of a refused value. */
export function refusal(
  model: Model,
  name: string,
  field: HTMLElement,
  kept: () => string,
  signal: AbortSignal,
): Refusal {
  const id = newId();
  const node = element("div", { class: "autolr-refusal", id, role: "status" });
  field.setAttribute("aria-errormessage", id);
  let own = "";
  let corrected: unknown;
  /** What the kernel refused, and the user has not corrected yet. */
  const byKernel = () => {
    const refused = model.get("refusals")[name];
    return refused === corrected ? undefined : refused;
  };
  let typing = false;
  field.addEventListener(
    "input",
    () => {
      typing = true;
    },
    { signal },
  );
  field.addEventListener(
    "blur",
    () => {
      typing = false;
    },
    { signal },
  );
  const update = () => {
    const words = own || byKernel()?.words;
    setText(node, words ? [words, kept()].join(" ").trim() : "");
    if (words) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
  };
  const refuse = (words: string) => {
    own = words;
    typing = false;
    update();
  };
  onChange(model, ["refusals", name as Name], update, signal);
  return {
    node,
    refused: () => byKernel()?.value,
    isOwn: () => own !== "",
    isHeld: () => typing || own !== "",
    refuse,
    changed: (update) => {
      if (!typing) refuse("");
      update();
    },
    accept: (values) => {
      // The kernel does not hear of a value that is in use already.
      if (byKernel()) model.send({ type: "forget_refusal", name });
      corrected = model.get("refusals")[name];
      assign(model, values);
      refuse("");
    },
  };
}
