/** A learning rate in three significant digits: 0.001, 3.16e-5, 0.25, 1e+6. */
export function formatRate(rate: number): string {
  const rounded = Number(rate.toPrecision(3));
  return (rounded !== 0 && Math.abs(rounded) < 1e-3) || Math.abs(rounded) >= 1e5
    ? rounded.toExponential()
    : String(rounded);
}

/** The rate that a user typed, or undefined if it is not a finite number above zero. */
export function parseRate(text: string): number | undefined {
  // An empty text gives 0.
  const rate = Number(text);
  return Number.isFinite(rate) && rate > 0 ? rate : undefined;
}

/** `rate` on a decimal logarithmic axis from `low` to `high`, limited to its ends. */
export function toPosition(rate: number, low: number, high: number): number {
  return Math.log10(Math.min(Math.max(rate, low), high));
}

/** The rate at a position; three digits, so -3 gives 0.001 and not 0.0009999999. */
export function fromPosition(position: number): number {
  return Number((10 ** position).toPrecision(3));
}

export interface Range {
  lr_min: number;
  lr_max: number;
}

/** `range` with one end moved to `rate`, or undefined if the ends would meet or cross. */
export function moveEnd(range: Range, end: keyof Range, rate: number): Range | undefined {
  const moved = { ...range, [end]: rate };
  return moved.lr_min < moved.lr_max ? moved : undefined;
}

/** The ends of a track that contains both ends of `range`. A linear grid may begin at 0, which is not on a log track. */
export function trackEnds(range: Range, low: number, high: number): { low: number; high: number } {
  return { low: range.lr_min > 0 ? Math.min(low, range.lr_min) : low, high: Math.max(high, range.lr_max) };
}
