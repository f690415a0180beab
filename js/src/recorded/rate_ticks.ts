import type { Axis } from "../axis";
import { multiples, roundStep } from "../training/scales";

/** The most numbers at the axis that a narrow screen has room for. */
const MOST = 6;

/** Round learning rates for the ticks of an axis, as `decades` in chart.py: powers of ten, and more if there is room. */
export function rateTicks({ low, high, log }: Axis): number[] {
  if (!log) return multiples(roundStep(high - low, MOST), low, high);
  // Rounded, so that 1e-6 counts as a power of ten even if its last bit is off.
  const rounded = (rate: number) => Number(Math.log10(rate).toFixed(9));
  const [first, last] = [Math.ceil(rounded(low)), Math.floor(rounded(high))];
  const powers = (from: number) => Array.from({ length: last - from + 1 }, (_, i) => Number(`1e${from + i}`));
  for (const times of [
    [1, 2, 5],
    [1, 3],
  ]) {
    const ticks = powers(first - 1).flatMap((power) => times.map((factor) => Number((factor * power).toPrecision(3))));
    const inside = ticks.filter((tick) => tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9));
    if (inside.length >= 2 && inside.length <= MOST) return inside;
  }
  if (last <= first) return [low, high];
  const stride = Math.ceil((last - first + 1) / MOST);
  return powers(first).filter((_, i) => i % stride === 0);
}
