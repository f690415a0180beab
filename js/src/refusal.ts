import { element, setText } from "./element";
import { assign, type Model, type Name, onChange, type Traits } from "./screen";

let ids = 0;

/** Adds the element with this id to those that describe a control. */
export function describe(control: HTMLElement, id: string): void {
  const others = control.getAttribute("aria-describedby");
  control.setAttribute("aria-describedby", others ? `${others} ${id}` : id);
}

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
  const id = `autolr-refusal-${++ids}`;
  const node = element("div", { class: "autolr-refusal", id, role: "status" });
  field.setAttribute("aria-errormessage", id);
  describe(field, id);
  let own = "";
  let typing = false;
  field.addEventListener(
    "input",
    () => {
      typing = true;
    },
    { signal },
  );
  const update = () => {
    const words = own || model.get("refusals")[name]?.words;
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
    refused: () => model.get("refusals")[name]?.value,
    isOwn: () => own !== "",
    isHeld: () => typing || own !== "",
    refuse,
    accept: (values) => {
      const { [name]: gone, ...refusals } = model.get("refusals");
      assign(model, gone ? { ...values, refusals } : values);
      refuse("");
    },
  };
}
