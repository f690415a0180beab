import type { Line } from "./lines";
import { placeOn, type Scale } from "./scales";

/** Heights of the picture that a line may go beyond its edges. */
const BEYOND = 20;

/** A line as it is drawn: places from 0 to 1, from left to right and from top to bottom. */
export interface Shape {
  /** The index of the rate. */
  index: number;
  points: [number, number][];
  /** Whether the line ends because the loss was no longer finite, or above the picture. */
  ending: "open" | "beyond" | "diverged";
  /** Where its visible part ends. */
  end: [number, number];
}

/** The shapes of the lines that have a beginning. */
export function shapesOf(lines: readonly Line[], steps: Scale, loss: Scale): Shape[] {
  return lines.flatMap(({ losses, diverged }, index): Shape[] => {
    const points = Array.from(losses, (value, i): [number, number] => [
      placeOn(steps, i + 1),
      Math.max(-BEYOND, 1 - placeOn(loss, value)),
    ]);
    const last = points.at(-1);
    if (last === undefined) return [];
    const isAbove = last[1] < 0;
    const ending = diverged ? "diverged" : isAbove ? "beyond" : "open";
    return [{ index, points, ending, end: isAbove ? exit(points) : last }];
  });
}

/** Where a line that ends above the picture has left it. */
function exit(points: readonly [number, number][]): [number, number] {
  let left = points[0]?.[0] ?? 0;
  points.forEach((to, i) => {
    const from = points[i - 1];
    if (from && from[1] >= 0 && to[1] < 0) left = from[0] + ((to[0] - from[0]) * from[1]) / (from[1] - to[1]);
  });
  return [left, 0];
}

/** The index of the rate whose line is nearest to a point, but not farther than `reach` heights; `wide` heights are the width. */
export function nearestLine(shapes: readonly Shape[], x: number, y: number, wide: number, reach: number): number {
  let [best, least] = [-1, reach];
  for (const { index, points } of shapes)
    points.forEach((to, i) => {
      const from = points[i - 1] ?? to;
      const [dx, dy] = [(to[0] - from[0]) * wide, to[1] - from[1]];
      const [px, py] = [(x - from[0]) * wide, y - from[1]];
      const along = Math.min(1, Math.max(0, (px * dx + py * dy) / (dx * dx + dy * dy || 1)));
      const distance = Math.hypot(px - along * dx, py - along * dy);
      if (distance < least) [best, least] = [index, distance];
    });
  return best;
}
