import { bytes } from "../curve";

/** The training curve at one rate. */
export interface Line {
  /** The loss that each step starts from, up to the first that is not finite or not known. */
  losses: Float32Array;
  diverged: boolean;
}

/** The training curves of all rates. Without any, `lines` is empty. */
export interface Curves {
  horizon: number;
  lines: Line[];
}

/** The kernel's `curves` (float32, a row per rate): infinite from the step on at which a rate diverged, NaN if unknown. */
export function readCurves(curves: DataView, rates: number): Curves {
  const all = new Float32Array(bytes(curves));
  const horizon = rates > 0 ? all.length / rates : 0;
  if (horizon === 0 || !Number.isInteger(horizon)) return { horizon: 0, lines: [] };
  const lines = Array.from({ length: rates }, (_, i) => {
    const row = all.subarray(i * horizon, (i + 1) * horizon);
    const end = row.findIndex((loss) => !Number.isFinite(loss));
    return { losses: end < 0 ? row : row.subarray(0, end), diverged: row[end] === Number.POSITIVE_INFINITY };
  });
  return { horizon, lines };
}
