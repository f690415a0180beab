import type { Shape } from "./shapes";

/** Labels that fit below one another, and how many do in large print. */
export const [ROWS, LARGE_ROWS] = [16, 12];

/** The most lines that are labelled, so that the labels stay near the ends of their lines. */
const MOST = 12;

/** At most `MOST` of the shapes, evenly chosen from the first to the last, and the chosen rate's among them. */
export function labelled(shapes: readonly Shape[], chosen: number): Shape[] {
  if (shapes.length <= MOST) return [...shapes];
  const some = Array.from(
    { length: MOST },
    (_, i) => shapes[Math.round((i * (shapes.length - 1)) / (MOST - 1))] as Shape,
  );
  const own = shapes.find(({ index }) => index === chosen);
  if (own === undefined || some.includes(own)) return some;
  const distance = ({ index }: Shape) => Math.abs(index - chosen);
  const nearest = some.reduce((one, other) => (distance(other) < distance(one) ? other : one));
  return some.map((one) => (one === nearest ? own : one));
}

/** Places from 0 to 1, each moved as little as possible, so that they are `gap` apart. Equal places keep their order. */
export function spread(places: readonly number[], gap: number): number[] {
  // A pile is of labels that touch. Its middle is the middle of where they want to be.
  const piles: { members: number[]; top: number }[] = [];
  const order = places.map((_, i) => i).sort((a, b) => (places[a] as number) - (places[b] as number));
  for (const i of order) {
    let members = [i];
    let top = held(members);
    for (let above = piles.at(-1); above && above.top + gap * above.members.length > top; above = piles.at(-1)) {
      piles.pop();
      members = [...above.members, ...members];
      top = held(members);
    }
    piles.push({ members, top });
  }
  function held(members: readonly number[]): number {
    const wanted = members.reduce((sum, i, row) => sum + (places[i] as number) - row * gap, 0) / members.length;
    return Math.max(0, Math.min(wanted, 1 - gap * (members.length - 1)));
  }
  const spreadOut = [...places];
  for (const { members, top } of piles)
    members.forEach((i, row) => {
      spreadOut[i] = top + row * gap;
    });
  return spreadOut;
}
