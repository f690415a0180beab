import { type Axis, toFraction } from "../axis";
import { button, element } from "../element";
import { assign, forgetRate, type Model, onChange } from "../screen";
import { AXIS, type Frame, percent } from "./frame";

/** Letters of rule names that one mark has room for, and how many in large print. */
const [ROOM, LARGE_ROOM] = [30, 22];

/** Width of a mark in pixels, and in large print. */
const [WIDTH, LARGE_WIDTH] = [22, 30];

export interface RuleMark {
  place: number;
  names: string[];
  /** Names that there is no room for. */
  more: string[];
}

/** The rules' choices as marks from left to right; choices within the fraction `close` share one mark. */
export function ruleMarksOf(
  choices: Record<string, number>,
  axis: Axis,
  method: string,
  close: number,
  most = ROOM,
): RuleMark[] {
  const groups: { place: number; all: string[] }[] = [];
  for (const [name, rate] of Object.entries(choices).sort((a, b) => a[1] - b[1])) {
    const place = toFraction(rate, axis);
    if (!(place >= 0 && place <= 1)) continue;
    const last = groups.at(-1);
    if (last && place - last.place < close) last.all.push(name);
    else groups.push({ place, all: [name] });
  }
  return groups.map(({ place, all }) => {
    // The current rule comes first, because there is not always room for all.
    const sorted = all.includes(method) ? [method, ...all.filter((name) => name !== method)] : all;
    let room = most;
    const names = sorted.filter((name, i) => {
      room -= name.length + 2;
      return i === 0 || room >= 0;
    });
    return { place, names, more: sorted.filter((name) => !names.includes(name)) };
  });
}

/** The rules that are always shown besides the chosen one: the lowest point, and what fastai suggests. */
const ALWAYS = ["mean", "valley"];

/** The choices of a few rules. */
export function few(choices: Record<string, number>, method: string): Record<string, number> {
  return Object.fromEntries(Object.entries(choices).filter(([name]) => name === method || ALWAYS.includes(name)));
}

// Stryker disable all: the elements are for the browser tests.

/** What each rule would choose, as marks on the axis. */
export function ruleMarks(frame: Frame): HTMLElement {
  const { model, signal, area } = frame;
  const node = element("div", { class: "autolr-layer", role: "group", "aria-label": "What other rules choose" });
  let shown = "";
  const updateMarks = () => {
    const choices = model.get("all_rules") ? model.get("choices") : few(model.get("choices"), model.get("method"));
    const [width, room] = model.get("large") ? [LARGE_WIDTH, LARGE_ROOM] : [WIDTH, ROOM];
    const marks = ruleMarksOf(choices, frame.axis, model.get("method"), width / area.clientWidth, room);
    const names = JSON.stringify([marks.map(({ names, more }) => [names, more]), model.get("method")]);
    // A list that is open stays open until the user closes it.
    if (node.querySelector('[aria-expanded="true"]')) return;
    if (names === shown) {
      // The elements stay, so that a press on a mark is not lost when a round arrives.
      for (const [i, mark] of marks.entries()) moveMark(node.children[i] as HTMLElement, mark.place);
      return;
    }
    shown = names;
    const focused = node.contains(document.activeElement) ? document.activeElement?.textContent : undefined;
    node.replaceChildren(...marks.map((mark) => newMark(model, mark, updateMarks)));
    if (focused) [...node.querySelectorAll("button")].find((one) => one.textContent === focused)?.focus();
  };
  onChange(model, ["choices", "all_rules", "method", "large", ...AXIS], updateMarks, signal);

  // Only these marks depend on the width of the plot, because close ones share a mark.
  const resized = new ResizeObserver(updateMarks);
  resized.observe(area);
  signal.addEventListener("abort", () => resized.disconnect());
  return node;
}

/** A mark whose names are buttons that make the rule the current one. */
function newMark(model: Model, { place, names, more }: RuleMark, onClosed: () => void): HTMLElement {
  const words = model.get("settings").find(({ name }) => name === "method")?.options ?? {};
  const ruleButton = (name: string) => {
    const current = String(name === model.get("method"));
    const one = button(name, { title: `Use this rule: ${words[name] ?? name}`, "aria-pressed": current });
    one.addEventListener("click", () => {
      model.send({ type: "use_rule" });
      forgetRate(model);
      assign(model, { method: name });
    });
    return one;
  };
  const mark = element("div", { class: "autolr-tick" }, ...names.map(ruleButton));
  if (more.length) mark.append(...allRules(mark, more.length, [...names, ...more].map(ruleButton), onClosed));
  moveMark(mark, place);
  return mark;
}

/** A button that opens the list of all rules of a mark. Escape, and leaving the mark, close it. */
function allRules(mark: HTMLElement, count: number, rules: HTMLElement[], onClosed: () => void): HTMLElement[] {
  const open = button(`+${count}`, { title: "All rules that choose this rate", "aria-label": `${count} more rules` });
  const list = element("div", { class: "autolr-all-rules" }, ...rules);
  const show = (shown: boolean) => {
    list.hidden = !shown;
    open.setAttribute("aria-expanded", String(shown));
  };
  const close = () => {
    if (list.hidden) return;
    show(false);
    onClosed();
  };
  show(false);
  open.addEventListener("click", () => {
    if (!list.hidden) return close();
    show(true);
    // Safari does not focus a button that is clicked, and the list closes when the focus leaves it.
    open.focus();
  });
  // A press beside a name must not choose the rate below.
  list.addEventListener("pointerdown", (event) => event.stopPropagation());
  mark.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || list.hidden) return;
    open.focus();
    close();
  });
  mark.addEventListener("focusout", ({ relatedTarget }) => {
    if (!mark.contains(relatedTarget as Node | null)) close();
  });
  return [open, list];
}

function moveMark(mark: HTMLElement, place: number): void {
  mark.style.left = percent(place);
  mark.classList.toggle("autolr-left", place > 0.97);
  mark.classList.toggle("autolr-opens-left", place > 0.5);
}
