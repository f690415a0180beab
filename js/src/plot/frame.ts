import { type Axis, axisOf, nearest, toFraction, toRate } from "../axis";
import { type Curve, readCurve } from "../curve";
import { element } from "../element";
import type { Model } from "../screen";

/** What the pointer and the focus are on. */
export interface Pointing {
  /** Index of the rate under the pointer, or -1. */
  hovered: number;
  /** The rate that the chosen line is dragged to, or undefined. */
  dragged: number | undefined;
  /** Whether the chosen line has the focus. */
  focused: boolean;
}

/**
 * The plot area: it covers bqplot's plot exactly, and knows its axis and its curve. The parts on it are placed in per
 * cent of it, so they need no update when the window changes.
 */
export class Frame {
  readonly area = element("div", { class: "autolr-area" });
  readonly pointing: Pointing = { hovered: -1, dragged: undefined, focused: false };
  private readonly updates: (() => void)[] = [];
  private bytes: [DataView, DataView] | undefined;
  private lastCurve!: Curve;

  constructor(
    readonly model: Model,
    readonly signal: AbortSignal,
  ) {}

  get axis(): Axis {
    return axisOf(this.model.get("view"), this.model.get("axis"), this.model.get("full_view"));
  }

  get curve(): Curve {
    const [rates, table] = [this.model.get("rates"), this.model.get("table")];
    if (this.bytes?.[0] !== rates || this.bytes[1] !== table) {
      this.bytes = [rates, table];
      this.lastCurve = readCurve(rates, table);
    }
    return this.lastCurve;
  }

  /** The rate at the chosen line, also while it is dragged. */
  get chosen(): number | null {
    return this.pointing.dragged ?? this.model.get("selected_lr");
  }

  /** The index of the measured rate that is nearest to the chosen line, or -1. */
  get chosenIndex(): number {
    const rate = this.chosen;
    return rate === null ? -1 : nearest(this.curve.rates, rate, this.axis);
  }

  /** The rate with an index, if it can be chosen: not 0, at which a linear grid may begin. */
  choosable(i: number): number | undefined {
    const rate = this.curve.rates[i];
    return rate !== undefined && rate > 0 ? rate : undefined;
  }

  /** Changes what is pointed at, and updates the parts that show it. */
  point(changes: Partial<Pointing>): void {
    Object.assign(this.pointing, changes);
    for (const update of this.updates) update();
  }

  onPointing(update: () => void): void {
    this.updates.push(update);
  }

  /** Places a node at a rate, and hides it if the rate is outside the view. */
  place(node: HTMLElement, rate: number): void {
    const fraction = toFraction(rate, this.axis);
    node.classList.toggle("autolr-gone", side(fraction) !== 0);
    // Kept inside the plot, because a hidden node could still make it wider.
    node.style.left = percent(Math.min(1, Math.max(0, fraction)));
  }

  fractionOf(event: MouseEvent): number {
    const box = this.area.getBoundingClientRect();
    return (event.clientX - box.left) / box.width;
  }

  /** The rate at a fraction of the axis, as it is written. None at the 0 that a linear axis may begin with. */
  rateAt(fraction: number): number | undefined {
    const rate = Number(toRate(Math.min(1, Math.max(0, fraction)), this.axis).toPrecision(3));
    return rate > 0 ? rate : undefined;
  }

  /** The index of the rate at a fraction of the axis, or -1 outside the plot. */
  indexAt(fraction: number): number {
    const inside = fraction >= 0 && fraction <= 1;
    return inside ? nearest(this.curve.rates, toRate(fraction, this.axis), this.axis) : -1;
  }
}

/** The traits that the axis is made of, and those that the curve is made of. */
export const AXIS = ["view", "axis", "full_view"] as const;
export const CURVE = ["rates", "table"] as const;

/** -1 left of the plot, 1 right of it, 0 inside. */
export function side(fraction: number): -1 | 0 | 1 {
  return fraction < -1e-9 ? -1 : fraction <= 1 + 1e-9 ? 0 : 1;
}

/** Stretches a node from one fraction of the plot to another, and cuts it off at the edges. */
export function span(node: HTMLElement, from: number, to: number): void {
  const [left, right] = [Math.max(0, from), Math.min(1, to)];
  node.classList.toggle("autolr-gone", right <= left);
  node.style.left = percent(left);
  node.style.width = percent(right - left);
}

export const percent = (fraction: number) => `${100 * fraction}%`;
