/** Seconds over which the rate of rounds is taken, so that it follows a change without twitching. */
const WINDOW = 5;

export interface Mark {
  /** Seconds, from any origin. */
  time: number;
  round: number;
}

/** `marks` with one more, without those that the rate needs no longer. A round that goes back starts anew. */
export function record(marks: readonly Mark[], mark: Mark): Mark[] {
  const last = marks.at(-1);
  if (last && mark.round < last.round) return [mark];
  const recent = marks.filter((m) => mark.time - m.time <= WINDOW);
  return [...(recent.length ? recent : marks.slice(-1)), mark];
}

/** Rounds per second over `marks`, or undefined while they can't tell. */
export function rate(marks: readonly Mark[]): number | undefined {
  const first = marks[0];
  const last = marks.at(-1);
  if (!first || !last || last.time <= first.time || last.round <= first.round) return undefined;
  return (last.round - first.round) / (last.time - first.time);
}

/** "37 of 100 rounds · 12 per second · 5 s left"; the rate and the time only while it runs. */
export function progressText(round: number, total: number, perSecond: number | undefined): string {
  // Fewer may be asked for than are finished.
  const most = Math.max(round, total);
  const parts = [`${round} of ${most} round${most === 1 ? "" : "s"}`];
  if (perSecond !== undefined) {
    parts.push(`${perSecond.toPrecision(perSecond < 100 ? 2 : 3)} per second`);
    parts.push(`${duration((total - round) / perSecond)} left`);
  }
  return parts.join(" · ");
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
