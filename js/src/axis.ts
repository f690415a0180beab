/** The x-axis: learning rates from `low` to `high`. */
export interface Axis {
  low: number;
  high: number;
  log: boolean;
}

/** A log axis can't show 0: if the full view begins there, the chart has a linear axis. */
export function axisOf(view: readonly number[], name: string, fullView: readonly number[]): Axis {
  const [low = 0, high = 1] = view;
  return { low, high, log: name === "log" && Math.min(low, fullView[0] ?? low) > 0 };
}

/** The place of a rate, from 0 at the left end to 1 at the right end; outside the axis less than 0 or more than 1. */
export function toFraction(rate: number, { low, high, log }: Axis): number {
  return log ? Math.log(rate / low) / Math.log(high / low) : (rate - low) / (high - low);
}

/** The rate at a fraction of the axis. */
export function toRate(fraction: number, { low, high, log }: Axis): number {
  return log ? low * (high / low) ** fraction : low + fraction * (high - low);
}

/** The index of the rate that is nearest on the screen; -1 without rates. */
export function nearest(rates: ArrayLike<number>, rate: number, axis: Axis): number {
  const place = toFraction(rate, axis);
  let best = -1;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < rates.length; i++) {
    const distance = Math.abs(toFraction(rates[i] as number, axis) - place);
    if (distance < least) [best, least] = [i, distance];
  }
  return best;
}

/** The part of the axis between two fractions, within the full view; undefined if it would be too narrow. */
export function zoom(axis: Axis, from: number, to: number, fullView: readonly number[]): [number, number] | undefined {
  const [first = axis.low, last = axis.high] = fullView;
  const whole = { low: first, high: last, log: axis.log };
  // Short numbers, and exactly the ends if they are close.
  const held = (fraction: number) => {
    const rate = Number(toRate(fraction, axis).toPrecision(4));
    const place = toFraction(rate, whole);
    return place < 0.002 ? first : place > 0.998 ? last : rate;
  };
  const [low, high] = [held(Math.min(from, to)), held(Math.max(from, to))];
  return toFraction(high, whole) - toFraction(low, whole) > 0.005 ? [low, high] : undefined;
}

/** First and last index of each run of true values. */
export function stretches(flags: readonly boolean[]): [number, number][] {
  const found: [number, number][] = [];
  flags.forEach((flag, i) => {
    if (!flag) return;
    const last = found.at(-1);
    if (last && last[1] === i - 1) last[1] = i;
    else found.push([i, i]);
  });
  return found;
}

/** From half way to the rate before `first` to half way to the one after `last`, as fractions. */
export function around(rates: ArrayLike<number>, first: number, last: number, axis: Axis): [number, number] {
  const at = (i: number) => toFraction(rates[i] as number, axis);
  const low = first > 0 ? (at(first - 1) + at(first)) / 2 : at(first);
  const high = last < rates.length - 1 ? (at(last) + at(last + 1)) / 2 : at(last);
  return [low, high];
}
