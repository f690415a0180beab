import { type Axis, toFraction } from "./axis";

/** Letters of rules' names that one mark has room for. */
const LISTED = 30;

export interface Mark {
  place: number;
  rate: number;
  names: string[];
  more: string[];
}

/** What the rules choose, as marks on the axis from left to right; those within the fraction `close` share one. */
export function marks(choices: Record<string, number>, axis: Axis, method: string, close: number): Mark[] {
  const groups: { place: number; rate: number; all: string[] }[] = [];
  for (const [name, rate] of Object.entries(choices).sort((a, b) => a[1] - b[1])) {
    const place = toFraction(rate, axis);
    if (!(place >= 0 && place <= 1)) continue;
    const last = groups.at(-1);
    if (last && place - last.place < close) last.all.push(name);
    else groups.push({ place, rate, all: [name] });
  }
  return groups.map(({ place, rate, all }) => {
    // The rule at work first: there is not always room for all.
    const sorted = all.includes(method) ? [method, ...all.filter((name) => name !== method)] : all;
    let room = LISTED;
    const names = sorted.filter((name, i) => {
      room -= name.length + 2;
      return i === 0 || room >= 0;
    });
    return { place, rate, names, more: sorted.filter((name) => !names.includes(name)) };
  });
}
