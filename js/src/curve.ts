/** The statistics at each learning rate. */
export interface Curve {
  rates: Float64Array;
  mean: Float32Array;
  lower: Float32Array;
  upper: Float32Array;
  count: Float32Array;
  diverged: Float32Array;
}

/** The bytes of a trait, from an address that an array of numbers can begin at. */
export function bytes(view: DataView): ArrayBuffer {
  return view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) as ArrayBuffer;
}

/** The kernel's `rates` (float64) and `table` (float32, five rows); without a table they are NaN. */
export function readCurve(rates: DataView, table: DataView): Curve {
  const grid = new Float64Array(bytes(rates));
  const n = grid.length;
  const all = new Float32Array(bytes(table));
  const row = (i: number) =>
    all.length === 5 * n ? all.subarray(i * n, (i + 1) * n) : new Float32Array(n).fill(Number.NaN);
  return { rates: grid, mean: row(0), lower: row(1), upper: row(2), count: row(3), diverged: row(4) };
}

/** A change in loss in three digits, with a proper minus sign. */
export function formatChange(value: number): string {
  const rounded = Number(value.toPrecision(3));
  const text =
    rounded !== 0 && (Math.abs(rounded) < 1e-3 || Math.abs(rounded) >= 1e5) ? rounded.toExponential() : String(rounded);
  return text.replace("-", "\u2212");
}

/** The lines of the readout at one rate: names and values. */
export function readout(curve: Curve, i: number): [string, string][] {
  const [mean, lower, upper] = [curve.mean[i] as number, curve.lower[i] as number, curve.upper[i] as number];
  const [count, diverged] = [curve.count[i] as number, curve.diverged[i] as number];
  const lines: [string, string][] = [];
  if (Number.isFinite(mean)) lines.push(["mean", formatChange(mean)]);
  if (Number.isFinite(lower)) lines.push(["band", `${formatChange(lower)} to ${formatChange(upper)}`]);
  if (count >= 0) lines.push(["rounds", String(count)]);
  if (diverged > 0) lines.push(["diverged in", String(diverged)]);
  return lines;
}

/** The highest mean, if it is above the chart. */
export function beyond(curve: Curve, top: number): number | undefined {
  let most = Number.NEGATIVE_INFINITY;
  for (const mean of curve.mean) if (mean > most) most = mean;
  return most > top ? most : undefined;
}
