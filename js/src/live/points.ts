import { bytes } from "../curve";

/** The rows of a table that the kernel sends as float32. */
function rows(view: DataView, count: number): Float32Array[] {
  const all = new Float32Array(bytes(view));
  const length = all.length / count;
  return Array.from({ length: count }, (_, i) => all.subarray(i * length, (i + 1) * length));
}

/** A training so far: the middle of each stretch of steps, its mean loss, and the learning rate at its end. */
export interface Points {
  steps: Float32Array;
  losses: Float32Array;
  rates: Float32Array;
}

export function readPoints(view: DataView): Points {
  const [steps, losses, rates] = rows(view, 3) as [Float32Array, Float32Array, Float32Array];
  return { steps, losses, rates };
}

/** The validation losses, and the steps after which they were measured. */
export function readValidation(view: DataView): Pick<Points, "steps" | "losses"> {
  const [steps, losses] = rows(view, 2) as [Float32Array, Float32Array];
  return { steps, losses };
}

/** The share of all points on either side over which a point is smoothed. */
const REACH = 1 / 40;

/** Each value as the mean of the finite values around it. What is not finite stays so. */
export function smooth(values: Float32Array): Float32Array {
  const reach = Math.floor(values.length * REACH);
  return values.map((value, i) => {
    if (!Number.isFinite(value)) return value;
    const near = values.subarray(Math.max(0, i - reach), i + reach + 1).filter(Number.isFinite);
    return near.reduce((sum, one) => sum + one, 0) / near.length;
  });
}

/** A path through points from 0 to 1, with gaps where a point is not finite. */
export function pathThrough(xs: readonly number[], ys: readonly number[]): string {
  let pen = "M";
  return xs
    .map((x, i) => {
      const y = ys[i] as number;
      if (!Number.isFinite(y)) {
        pen = "M";
        return "";
      }
      const part = `${pen}${x},${y}`;
      pen = "L";
      return part;
    })
    .join("");
}
