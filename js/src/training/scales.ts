import type { Line } from "./lines";

/** The ends of an axis, and the numbers written at it. */
export interface Scale {
  low: number;
  high: number;
  ticks: number[];
}

/** 1, 2 or 5 times a power of ten: the smallest such step that divides `span` into at most `most` parts. */
export function roundStep(span: number, most: number): number {
  const unit = 10 ** Math.floor(Math.log10(span / most));
  return unit * ([1, 2, 5].find((times) => times * unit * most >= span) ?? 10);
}

/** The multiples of a round step from `low` to `high`. */
export function multiples(step: number, low: number, high: number): number[] {
  const [first, last] = [Math.ceil(low / step - 1e-9), Math.floor(high / step + 1e-9)];
  // 3 × 0.1 is not 0.3.
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** The loss that all lines start from; undefined without lines. */
export function startOf(lines: readonly Line[]): number | undefined {
  return lines.find(({ losses }) => losses.length > 0)?.losses[0];
}

/**
 * The axis of the loss: from the lowest loss to a quarter as far above the start as the lowest loss is below it. There, the
 * lines of rates that are too large leave the picture. Its ends are round numbers, so that it rarely changes.
 */
export function lossScale(lines: readonly Line[]): Scale | undefined {
  const start = startOf(lines);
  if (start === undefined) return undefined;
  // At least a tenth of the loss: where nothing is learned, the noise of the batches does not fill the picture.
  let [lowest, highest] = [start - (Math.abs(start) / 10 || 1), start];
  for (const { losses } of lines)
    for (const loss of losses) [lowest, highest] = [Math.min(lowest, loss), Math.max(highest, loss)];
  const top = Math.min(highest, start + (start - lowest) / 4);
  const step = roundStep(top - lowest, 6);
  const [low, high] = [Math.floor(lowest / step) * step, Math.ceil(top / step) * step];
  return { low, high, ticks: multiples(step, low, high) };
}

/** The axis of the training steps: 1, round numbers, and no tick that is too near to it. `width` is in pixels. */
export function stepScale(horizon: number, width = Number.POSITIVE_INFINITY): Scale {
  // A digit is up to 9 pixels wide, in large print, and there is as much as two of them between the numbers.
  const room = 9 * (String(horizon).length + 2);
  const step = Math.max(1, roundStep(horizon, Math.min(6, Math.max(1, Math.floor(width / room)))));
  const ticks = [1, ...multiples(step, step, horizon).filter((tick) => tick > 1)];
  return { low: 1, high: horizon, ticks };
}

/** A place on a scale, from 0 at its low end to 1 at its high end. */
export function placeOn({ low, high }: Scale, value: number): number {
  return (value - low) / (high - low);
}
