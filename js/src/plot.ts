import { type Axis, around, axisOf, nearest, stretches, toFraction, toRate, zoom } from "./axis";
import { beyond, type Curve, formatChange, readCurve, readout } from "./curve";
import { element, keepKeys, setText } from "./element";
import { type Mark, marks } from "./marks";
import { formatRate } from "./rates";
import { assign, follow, type Model, type Part, withValues } from "./screen";

/** Names of the pinned runs. */
const LETTERS = ["A", "B", "C", "D"];

/** Pixels that the pointer may tremble by before it drags the line. */
const SLACK = 3;

/** Pixels that a rule's mark takes. */
const MARK = 22;

/** Columns of a grid that Page Up and Page Down move the choice by. */
const PAGE = 5;

/**
 * What lies over bqplot's picture: the choice, which can be dragged, the other rules' choices, the region that diverged,
 * the readout, and the axis, which can be zoomed.
 *
 * It covers the plot area exactly, and places everything in per cent of it: nothing to do when the window changes.
 */
export function plot(model: Model): Part {
  const diverged = element("div", { class: "autolr-layer" });
  const interval = element("div", { class: "autolr-interval" });
  const rules = element("div", { class: "autolr-layer", role: "group", "aria-label": "What other rules choose" });
  const letters = element("div", { class: "autolr-layer autolr-letters" });
  const off = element("div", { class: "autolr-beyond" });
  const outside = element("div", { class: "autolr-outside" });
  const guide = element("div", { class: "autolr-guide autolr-gone" });
  const reading = element("div", { class: "autolr-readout autolr-gone" });
  const bars = element("div", { class: "autolr-histogram autolr-gone" });
  const line = element("div", {
    class: "autolr-chosen",
    role: "slider",
    tabindex: "0",
    "aria-label": "Chosen learning rate, on the chart",
  });
  const area = element(
    "div",
    { class: "autolr-area" },
    diverged,
    interval,
    letters,
    guide,
    line,
    off,
    outside,
    bars,
    rules,
    reading,
  );
  const brush = element("div", { class: "autolr-brush autolr-gone" });
  const strip = element("div", { class: "autolr-strip", title: "Drag to zoom, double-click to show all" }, brush);
  const zoomIn = button("+", "Zoom in");
  const zoomOut = button("\u2212", "Zoom out");
  const whole = button("Show all", "Show the whole range");
  const use = button("Use this range", "Make this range the grid of the next run");
  const tools = element("div", { class: "autolr-tools" }, use, whole, zoomOut, zoomIn);
  const legend = element("ul", { class: "autolr-legend", "aria-label": "Runs in the chart" });
  const node = element(
    "section",
    { class: "autolr-plot", "aria-label": "Chart of the change in loss against the learning rate" },
    area,
    strip,
    tools,
    legend,
  );
  const releaseKeys = keepKeys(line, zoomIn, zoomOut, whole, use);

  let axis: Axis = axisOf(model.get("view"), model.get("axis"), model.get("ends"));
  let curve: Curve = readCurve(model.get("rates"), model.get("table"));
  let dragged: number | undefined;
  let grabbed = 0;
  let moved = false;
  let hovered = -1;

  const place = (node: HTMLElement, rate: number) => {
    const fraction = toFraction(rate, axis);
    node.classList.toggle("autolr-gone", !(fraction >= -1e-9 && fraction <= 1 + 1e-9));
    // Held within the plot: what can't be seen must not make it wider.
    node.style.left = percent(Math.min(1, Math.max(0, fraction)));
  };
  const chosen = () => dragged ?? model.get("selected_lr");
  const index = () => {
    const rate = chosen();
    return rate === null ? -1 : nearest(curve.rates, rate, axis);
  };

  const drawChoice = () => {
    const rate = chosen();
    const [low, high] = model.get("interval");
    const sure = low !== undefined && high !== undefined && low < high && dragged === undefined;
    interval.classList.toggle("autolr-gone", !sure);
    if (sure) span(interval, toFraction(low, axis), toFraction(high, axis));
    line.classList.toggle("autolr-gone", rate === null);
    const fraction = rate === null ? 0.5 : toFraction(rate, axis);
    outside.style.left = fraction > 1 ? "auto" : "0";
    outside.style.right = fraction > 1 ? "0" : "auto";
    setText(
      outside,
      fraction < -1e-9
        ? `\u25c0 ${formatRate(rate ?? 0)}`
        : fraction > 1 + 1e-9
          ? `${formatRate(rate ?? 0)} \u25b6`
          : "",
    );
    if (rate === null) return;
    place(line, rate);
    const i = index();
    const at = curve.rates[i] ?? rate;
    const words = readout(curve, i).map(([name, value]) => `${name} ${value}`);
    if (Math.abs(at / rate - 1) > 1e-6) words.unshift(`nearest measured ${formatRate(at)}`);
    words.unshift(formatRate(rate));
    line.setAttribute("aria-valuemin", "0");
    line.setAttribute("aria-valuemax", String(Math.max(0, curve.rates.length - 1)));
    line.setAttribute("aria-valuenow", String(Math.max(0, i)));
    line.setAttribute("aria-valuetext", words.join(", "));
  };
  const drawReading = () => {
    const i = hovered >= 0 ? hovered : document.activeElement === line || dragged !== undefined ? index() : -1;
    const rate = curve.rates[i];
    guide.classList.toggle("autolr-gone", rate === undefined);
    reading.classList.toggle("autolr-gone", rate === undefined);
    if (rate === undefined) return;
    place(guide, rate);
    place(reading, rate);
    reading.classList.toggle("autolr-left", toFraction(rate, axis) > 0.5);
    const lines: [string, string][] = [["rate", formatRate(rate)], ...readout(curve, i)];
    reading.replaceChildren(
      ...lines.flatMap(([name, value]) => [element("span", {}, name), element("span", {}, value)]),
    );
  };
  const probe = (i: number) => {
    if (model.get("probed") >= 0 && i >= 0 && model.get("probed") !== i) assign(model, { probed: i });
  };
  let named = "";
  const drawRules = () => {
    const found = marks(model.get("choices"), axis, model.get("method"), MARK / area.clientWidth);
    const names = JSON.stringify([found.map(({ names, more }) => [names, more]), model.get("method")]);
    if (names === named) {
      // A mark that is being pressed must not be replaced by another.
      for (const [i, mark] of found.entries()) moveTick(rules.children[i] as HTMLElement, mark.place);
      return;
    }
    named = names;
    const focused = rules.contains(document.activeElement) ? document.activeElement?.textContent : undefined;
    rules.replaceChildren(...found.map((mark) => tick(model, mark)));
    // The focus stays where it was.
    if (focused) [...rules.querySelectorAll("button")].find((one) => one.textContent === focused)?.focus();
  };
  const drawDiverged = () => {
    const flags = [...curve.diverged].map((times) => times > 0);
    diverged.replaceChildren(
      ...stretches(flags).map(([first, last]) => {
        const times = [...curve.diverged.subarray(first, last + 1)];
        const [least, most] = [Math.min(...times), Math.max(...times)];
        const text = `diverged in ${least === most ? most : `${least} to ${most}`} round${most === 1 ? "" : "s"}`;
        const region = element("div", { class: "autolr-diverged" }, element("span", {}, text));
        const [low, high] = around(curve.rates, first, last, axis);
        span(region, low, high);
        return region;
      }),
    );
    const most = beyond(curve, model.get("limits")[1] ?? Number.POSITIVE_INFINITY);
    setText(off, most === undefined ? "" : `\u25b2 the curve goes on to ${formatChange(most)}`);
  };
  const drawHistogram = () => {
    const { edges = [], counts = [] } = model.get("histogram");
    bars.classList.toggle("autolr-gone", model.get("probed") < 0 || counts.length === 0);
    const rate = curve.rates[model.get("probed")];
    const most = Math.max(...counts);
    bars.classList.toggle("autolr-left", rate !== undefined && toFraction(rate, axis) < 0.5);
    bars.replaceChildren(
      element("div", {}, `change in loss at ${rate === undefined ? "" : formatRate(rate)}, by rounds`),
      element(
        "div",
        { class: "autolr-bars" },
        ...counts.map((count) => {
          const bar = element("div", { title: `${count} rounds` });
          bar.style.height = percent(count / most);
          return bar;
        }),
      ),
      element(
        "div",
        { class: "autolr-bar-ends" },
        element("span", {}, formatChange(edges[0] ?? 0)),
        element("span", {}, formatChange(edges.at(-1) ?? 0)),
      ),
    );
  };
  const thisRun = element("span", {});
  const drawLetters = () => {
    const [bottom = 0, top = 1] = model.get("limits");
    letters.replaceChildren(
      ...model.get("pins").flatMap(({ rate, change }, i) => {
        if (rate === undefined || change === undefined) return [];
        const letter = element("strong", {}, LETTERS[i] as string);
        place(letter, rate);
        letter.style.top = percent(Math.min(0.94, Math.max(0, (top - change) / (top - bottom))));
        return [letter];
      }),
    );
  };
  const drawLegend = () => {
    const pins = model.get("pins");
    const entry = (mark: string, name: string, ...more: (HTMLElement | string)[]) =>
      element(
        "li",
        {},
        element("span", { class: `autolr-key autolr-key-${mark}` }),
        element("strong", {}, name),
        " ",
        ...more,
      );
    legend.replaceChildren(
      ...(pins.length ? [entry("run", "this run", thisRun)] : []),
      ...pins.map(({ words }, i) => {
        const name = LETTERS[i] as string;
        const remove = button("\u00d7", `Unpin ${name}`);
        remove.addEventListener("click", () => model.send({ type: "unpin_run", index: i }));
        return entry(String(i), name, `${words} `, remove);
      }),
    );
  };
  const draw = () => {
    axis = axisOf(model.get("view"), model.get("axis"), model.get("ends"));
    curve = readCurve(model.get("rates"), model.get("table"));
    const zoomed = String(model.get("view")) !== String(model.get("ends"));
    for (const one of [whole, use]) one.classList.toggle("autolr-gone", !zoomed);
    use.disabled = model.get("recorded");
    drawDiverged();
    drawRules();
    drawChoice();
    drawReading();
    drawHistogram();
  };

  const fractionOf = (event: PointerEvent | MouseEvent) => {
    const box = area.getBoundingClientRect();
    return (event.clientX - box.left) / box.width;
  };
  /** The index of the rate under the pointer; beyond the plot none, or while dragging the last one in view. */
  const under = (event: PointerEvent, held = false) => {
    const fraction = held ? Math.min(1, Math.max(0, fractionOf(event))) : fractionOf(event);
    return fraction >= 0 && fraction <= 1 ? nearest(curve.rates, toRate(fraction, axis), axis) : -1;
  };
  /** A linear grid may begin at 0, which is no rate to train with. */
  const positive = (i: number) => {
    const rate = curve.rates[i];
    return rate !== undefined && rate > 0 ? rate : undefined;
  };
  const choose = (i: number) => {
    const rate = positive(Math.min(Math.max(i, 0), curve.rates.length - 1));
    if (rate === undefined) return;
    assign(model, { selected_lr: rate, pinned: true });
    probe(index());
  };

  area.addEventListener("pointermove", (event) => {
    if (!event.isPrimary) return;
    hovered = under(event);
    if (dragged !== undefined && (moved || Math.abs(event.clientX - grabbed) > SLACK)) {
      moved = true;
      dragged = positive(under(event, true)) ?? dragged;
      drawChoice();
    }
    drawReading();
    probe(hovered);
  });
  area.addEventListener("pointerleave", () => {
    hovered = -1;
    drawReading();
    probe(index());
  });
  area.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0 || (event.target as Element).closest("button")) return;
    // Who takes hold of the line has not chosen another rate yet.
    const held = event.target === line;
    const rate = held ? (model.get("selected_lr") ?? undefined) : positive(under(event));
    if (rate === undefined) return;
    area.setPointerCapture(event.pointerId);
    [dragged, grabbed, moved] = [rate, event.clientX, !held];
    drawChoice();
    line.focus({ preventScroll: true });
    event.preventDefault();
  });
  const drop = (event: PointerEvent) => {
    if (dragged === undefined) return;
    const rate = dragged;
    dragged = undefined;
    if (event.type === "pointerup") assign(model, { selected_lr: rate, pinned: true });
    drawChoice();
  };
  area.addEventListener("pointerup", drop);
  area.addEventListener("pointercancel", drop);
  line.addEventListener("focus", () => {
    drawReading();
    if (dragged === undefined) probe(index());
  });
  line.addEventListener("blur", drawReading);
  line.addEventListener("keydown", (event) => {
    const i = index();
    const to = {
      ArrowLeft: i - 1,
      ArrowDown: i - 1,
      ArrowRight: i + 1,
      ArrowUp: i + 1,
      PageDown: i - PAGE,
      PageUp: i + PAGE,
      Home: 0,
      End: curve.rates.length - 1,
    }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    choose(to);
  });

  let begun: number | undefined;
  const show = (view: number[]) => assign(model, { view });
  strip.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    strip.setPointerCapture(event.pointerId);
    begun = fractionOf(event);
  });
  strip.addEventListener("pointermove", (event) => {
    if (begun === undefined) return;
    const to = fractionOf(event);
    brush.classList.remove("autolr-gone");
    span(brush, Math.max(0, Math.min(begun, to)), Math.min(1, Math.max(begun, to)));
  });
  const zoomTo = (from: number, to: number) => {
    const view = zoom(axis, from, to, model.get("ends"));
    if (view) show(view);
  };
  strip.addEventListener("pointerup", (event) => {
    const from = begun;
    begun = undefined;
    brush.classList.add("autolr-gone");
    if (from !== undefined && Math.abs(fractionOf(event) - from) > 0.02) zoomTo(from, fractionOf(event));
  });
  strip.addEventListener("pointercancel", () => {
    begun = undefined;
    brush.classList.add("autolr-gone");
  });
  strip.addEventListener("dblclick", () => show(model.get("ends")));
  whole.addEventListener("click", () => {
    show(model.get("ends"));
    zoomIn.focus();
  });
  // Around the choice where it is in view, else around the middle.
  const centre = () => {
    const rate = chosen();
    const fraction = rate === null ? 0.5 : toFraction(rate, axis);
    return fraction >= 0 && fraction <= 1 ? fraction : 0.5;
  };
  zoomIn.addEventListener("click", () => zoomTo(centre() / 2, (centre() + 1) / 2));
  zoomOut.addEventListener("click", () => zoomTo(-centre(), 2 - centre()));
  use.addEventListener("click", () => model.send(withValues(model, { type: "use_view" })));

  // Only the marks depend on the width: those that are close share one.
  const resized = new ResizeObserver(drawRules);
  resized.observe(area);

  const ends = [
    follow(model, ["view", "ends", "axis", "rates", "table", "choices", "method", "limits"], draw),
    follow(model, ["selected_lr", "interval"], () => {
      drawChoice();
      drawReading();
    }),
    follow(model, ["histogram", "probed"], drawHistogram),
    follow(model, ["pins"], drawLegend),
    follow(model, ["this_run"], () => setText(thisRun, model.get("this_run"))),
    follow(model, ["pins", "limits", "view", "axis"], drawLetters),
    releaseKeys,
    () => resized.disconnect(),
  ];
  return {
    node,
    end: () => {
      for (const end of ends) end();
    },
  };
}

/** A rule's choice on the chart: its name puts it to work. */
function tick(model: Model, { place, names, more }: Mark): HTMLElement {
  const buttons = names.map((name) => {
    const title = `Choose by this rule: ${model.get("rules")[name] ?? name}`;
    const one = element(
      "button",
      { type: "button", title, "aria-pressed": String(name === model.get("method")) },
      name,
    );
    one.addEventListener("click", () => {
      model.send({ type: "follow" });
      assign(model, { method: name });
    });
    return one;
  });
  const rest = more.length ? [element("span", { title: more.join(", ") }, `+${more.length}`)] : [];
  const mark = element("div", { class: "autolr-tick" }, ...buttons, ...rest);
  moveTick(mark, place);
  return mark;
}

function moveTick(mark: HTMLElement, place: number): void {
  mark.style.left = percent(place);
  mark.classList.toggle("autolr-left", place > 0.97);
}

function button(text: string, name: string): HTMLButtonElement {
  return element("button", { type: "button", title: name, "aria-label": name }, text);
}

/** Lays a box from one fraction of the plot to another, both held within it. */
function span(node: HTMLElement, from: number, to: number): void {
  const [left, right] = [Math.max(0, from), Math.min(1, to)];
  node.classList.toggle("autolr-gone", right <= left);
  node.style.left = percent(left);
  node.style.width = percent(right - left);
}

const percent = (fraction: number) => `${100 * fraction}%`;
