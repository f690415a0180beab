import { formatChange } from "../curve";
import { formatRate } from "../rates";
import type { Line } from "./lines";
import { startOf } from "./scales";

/** The picture in words, for readers who can't see it: where the lines of some rates begin and end. */
export function words(lines: readonly Line[], rates: Float64Array, some: readonly number[], chosen: number): string {
  const start = startOf(lines);
  if (start === undefined) return "No curves yet";
  const ends = some.map((i) => {
    const { losses, diverged } = lines[i] as Line;
    const name = `${formatRate(rates[i] as number)}${i === chosen ? ", the chosen rate" : ""}`;
    return diverged
      ? `${name}: diverged at step ${losses.length + 1}`
      : `${name}: ${formatChange(losses.at(-1) as number)} at step ${losses.length}`;
  });
  return `The loss starts at ${formatChange(start)}. Where it ends at each rate: ${ends.join("; ")}.`;
}
